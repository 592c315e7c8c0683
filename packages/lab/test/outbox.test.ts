import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  acknowledge,
  due,
  isFull,
  markSent,
  newOutbox,
  OUTBOX_LIMIT,
  type Outbox,
  put,
  reconnected,
} from '../src/devices/outbox.ts'

const filled = (count: number): Outbox => {
  let outbox = newOutbox(7)
  for (let n = 0; n < count; n++) outbox = put(outbox, 't', { n })
  return outbox
}
const numbers = (messages: readonly { seq: number }[]) => messages.map(({ seq }) => seq)

describe('an outbox', () => {
  test('numbers messages from 1 and says so in them, with the epoch', () => {
    expect(filled(2).waiting.map(({ body }) => body)).toEqual([
      { seq: 1, epoch: 7, n: 0 },
      { seq: 2, epoch: 7, n: 1 },
    ])
  })

  test('forgets only what is confirmed, of its own epoch and of numbers it has given', () => {
    const outbox = filled(3)
    expect(numbers(acknowledge(outbox, { epoch: 7, ackedThrough: 2 }, 0).waiting)).toEqual([3])
    expect(acknowledge(outbox, { epoch: 6, ackedThrough: 3 }, 0)).toBe(outbox)
    expect(acknowledge(outbox, { epoch: 7, ackedThrough: 4 }, 0)).toBe(outbox)
    const done = acknowledge(outbox, { epoch: 7, ackedThrough: 3 }, 0)
    expect(numbers(put(done, 't', {}).waiting)).toEqual([4])
  })

  test('sends what is new at once, what was not confirmed in time again, and all of it on a new connection', () => {
    let outbox = filled(2)
    expect(numbers(due(outbox, 1_000, 5_000))).toEqual([1, 2])
    outbox = put(markSent(outbox, outbox.waiting, 1_000), 't', {})
    expect(numbers(due(outbox, 5_999, 5_000))).toEqual([3])
    expect(numbers(due(outbox, 6_000, 5_000))).toEqual([1, 2, 3])
    outbox = markSent(outbox, outbox.waiting, 6_000)
    expect(due(outbox, 6_000, 5_000)).toEqual([])
    expect(numbers(due(reconnected(outbox), 6_000, 5_000))).toEqual([1, 2, 3])
  })

  test('sends nothing again while confirmations come, and waits twice as long each time when none do', () => {
    let outbox = filled(3)
    outbox = markSent(outbox, outbox.waiting, 1_000)
    outbox = acknowledge(outbox, { epoch: 7, ackedThrough: 1 }, 5_000)
    expect(due(outbox, 9_999, 5_000)).toEqual([])
    expect(numbers(due(outbox, 10_000, 5_000))).toEqual([2, 3])
    outbox = markSent(outbox, outbox.waiting, 10_000)
    expect(due(outbox, 19_999, 5_000)).toEqual([])
    expect(numbers(due(outbox, 20_000, 5_000))).toEqual([2, 3])
    outbox = acknowledge(outbox, { epoch: 7, ackedThrough: 2 }, 20_000)
    expect(numbers(due(outbox, 25_000, 5_000))).toEqual([3])
  })

  test('sends a long backlog bit by bit, and says when it is full', () => {
    const outbox = filled(OUTBOX_LIMIT)
    expect(numbers(due(outbox, 0, 5_000)).slice(0, 2)).toEqual([1, 2])
    expect(due(outbox, 0, 5_000).length).toBeLessThan(OUTBOX_LIMIT / 2)
    expect([isFull(outbox), isFull(filled(OUTBOX_LIMIT - 1))]).toEqual([true, false])
  })

  test('holds exactly what was put and not confirmed, whatever happens in whatever order', () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('put' as const) }),
      fc.record({
        do: fc.constant('ack' as const),
        through: fc.nat(40),
        epoch: fc.constantFrom(6, 7),
      }),
      fc.record({ do: fc.constant('send' as const), after: fc.nat(9_000) }),
      fc.record({ do: fc.constant('reconnect' as const) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        let outbox = newOutbox(7)
        let now = 0
        let confirmed = 0
        for (const one of steps) {
          if (one.do === 'put') outbox = put(outbox, 't', {})
          if (one.do === 'reconnect') outbox = reconnected(outbox)
          if (one.do === 'ack') {
            if (one.epoch === 7 && one.through < outbox.nextSeq)
              confirmed = Math.max(confirmed, one.through)
            outbox = acknowledge(outbox, { epoch: one.epoch, ackedThrough: one.through }, now)
          }
          if (one.do === 'send') {
            now += one.after
            outbox = markSent(outbox, due(outbox, now, 5_000), now)
          }
          const expected = Array.from(
            { length: outbox.nextSeq - 1 - confirmed },
            (_, n) => confirmed + n + 1,
          )
          expect(numbers(outbox.waiting)).toEqual(expected)
        }
      }),
    )
  })
})

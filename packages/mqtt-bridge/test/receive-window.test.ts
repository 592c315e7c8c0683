import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ReceiveWindow } from '../src/receive-window.ts'
import type { Received } from '../src/received.ts'

let nextId = 1
const received = (device: string, generation = 0, over: Partial<Received> = {}): Received => ({
  device,
  json: '{}',
  bytes: 10,
  qos: 1,
  messageId: nextId++,
  generation,
  arrivedAt: 0,
  state: 'waiting',
  ...over,
})
const all = { messages: 100, bytes: 1_000_000 }
const ids = (batch: readonly Received[]) => batch.map(({ messageId }) => messageId)

describe('the receive window', () => {
  it('groups what waits by device, in the order of arrival', () => {
    const window = new ReceiveWindow()
    for (const device of ['b', 'a', 'b', 'c', 'a']) window.take(received(device))
    expect(window.cut(all).map(({ device }) => device)).toEqual(['b', 'b', 'a', 'a', 'c'])
  })

  it('cuts at the number of messages and at the bytes, and takes one message however large it is', () => {
    const window = new ReceiveWindow()
    for (let count = 0; count < 5; count++) window.take(received(`d${count}`, 0, { bytes: 60 }))
    expect(window.cut({ messages: 2, bytes: 1_000 })).toHaveLength(2)
    expect(window.cut({ messages: 9, bytes: 130 })).toHaveLength(2)
    expect(window.cut({ messages: 9, bytes: 1 })).toHaveLength(1)
  })

  it('acknowledges in the order of arrival when batches end in another (MQTT-4.6.0-2)', () => {
    const window = new ReceiveWindow()
    const [a, b, c] = [received('a'), received('b'), received('a')]
    for (const each of [a, b, c]) window.take(each)
    const first = window.cut({ messages: 2, bytes: 1_000 })
    const second = window.cut(all)
    expect([ids(first), ids(second)]).toEqual([ids([a, c]), ids([b])])
    expect(window.settle(second)).toEqual([])
    expect(window.settle(first)).toEqual([a, b, c])
    expect(window.size).toBe(0)
  })

  it('holds on to nothing that was acknowledged, also while it never empties', () => {
    setFlagsFromString('--expose-gc')
    const collectGarbage = runInNewContext('gc') as () => void
    const window = new ReceiveWindow()
    const gone: WeakRef<Received>[] = []
    for (let count = 0; count < 500; count++) {
      const each = received('a')
      window.take(each)
      if (count > 0) gone.push(new WeakRef(each))
    }
    for (let count = 0; count < 499; count++) {
      const batch = window.cut({ messages: 1, bytes: 1_000 })
      window.settle(batch)
      window.release(batch)
    }
    // A weak reference made in this turn holds its object to the end of it.
    return new Promise((resolve) => setImmediate(resolve)).then(() => {
      collectGarbage()
      expect(gone.filter((each) => each.deref() !== undefined)).toHaveLength(1)
      expect(window.size).toBe(1)
    })
  })

  it('never has a device in two batches at a time', () => {
    const window = new ReceiveWindow()
    window.take(received('a'))
    const first = window.cut(all)
    window.take(received('a'))
    window.take(received('b'))
    expect(window.cut(all).map(({ device }) => device)).toEqual(['b'])
    window.settle(first)
    window.release(first)
    expect(window.cut(all)).toHaveLength(1)
  })

  it('acknowledges nothing of an older connection, forgets what waits of it, and keeps QoS 0', () => {
    const window = new ReceiveWindow()
    const old = received('a')
    window.take(old)
    const batch = window.cut(all)
    window.take(received('b'))
    window.take(received('b', 0, { qos: 0 }))
    window.nextGeneration()
    expect(window.waiting).toBe(1)
    expect(window.settle(batch)).toEqual([])
    expect(window.cut(all).map(({ qos }) => qos)).toEqual([0])
    expect(window.size).toBe(1)
  })

  it('holds under any order of arrivals, cuts, endings and lost connections', () => {
    type Step =
      | ['take', number, 0 | 1]
      | ['cut', number]
      | ['end', number]
      | ['lose', number]
      | ['fail', number]
      | ['drop']
    const step = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.tuple(
          fc.constant('take' as const),
          fc.nat(4),
          fc.constantFrom(0 as const, 1 as const),
        ),
      },
      {
        weight: 3,
        arbitrary: fc.tuple(fc.constant('cut' as const), fc.integer({ min: 1, max: 5 })),
      },
      { weight: 3, arbitrary: fc.tuple(fc.constant('end' as const), fc.nat(5)) },
      { weight: 1, arbitrary: fc.tuple(fc.constant('lose' as const), fc.nat(5)) },
      { weight: 2, arbitrary: fc.tuple(fc.constant('fail' as const), fc.nat(5)) },
      { weight: 1, arbitrary: fc.tuple(fc.constant('drop' as const)) },
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps: Step[]) => {
        const window = new ReceiveWindow()
        let arrivals: Received[] = []
        let acknowledged: Received[] = []
        const posted = new Map<string, number[]>()
        const underWay: Received[][] = []
        const end = (batch: Received[]) => {
          acknowledged.push(...window.settle(batch))
          window.release(batch)
        }
        const run = (next: Step) => {
          switch (next[0]) {
            case 'take': {
              const message = received(`d${next[1]}`, window.generation, { qos: next[2] })
              window.take(message)
              if (next[2] === 1) arrivals.push(message)
              return
            }
            case 'cut': {
              const batch = window.cut({ messages: next[1], bytes: 1_000 })
              if (batch.length === 0) return
              const busy = new Set(underWay.flat().map(({ device }) => device))
              for (const { device, messageId } of batch) {
                expect(busy.has(device)).toBe(false)
                posted.set(device, [...(posted.get(device) ?? []), messageId])
              }
              underWay.push(batch)
              return
            }
            case 'end': {
              const [batch] = underWay.splice(next[1] % (underWay.length || 1), 1)
              if (batch !== undefined) end(batch)
              return
            }
            case 'lose': {
              // What the next attempt with a batch looks at after a lost connection.
              const [batch] = underWay.splice(next[1] % (underWay.length || 1), 1)
              if (batch === undefined) return
              const left = window.withoutStale(batch)
              expect(left.some((message) => window.isStale(message))).toBe(false)
              acknowledged.push(...window.settle(left))
              window.release(batch)
              return
            }
            case 'fail': {
              // The twin of its first device takes nothing; the others' do.
              const [batch] = underWay.splice(next[1] % (underWay.length || 1), 1)
              const device = batch?.[0]?.device
              if (batch === undefined || device === undefined) return
              const again = batch.filter((message) => message.device === device)
              window.putBack(again)
              const gone = new Set(ids(again))
              posted.set(
                device,
                (posted.get(device) ?? []).filter((id) => !gone.has(id)),
              )
              const stored = batch.filter((message) => message.device !== device)
              acknowledged.push(...window.settle(stored))
              window.release(batch)
              const resting = window.cut(all, new Map([[device, true]]))
              expect(resting.some((message) => message.device === device)).toBe(false)
              window.putBack(resting)
              window.release(resting)
              return
            }
            case 'drop':
              window.nextGeneration()
              arrivals = []
              acknowledged = []
          }
        }
        for (const next of steps) {
          run(next)
          // In the order of arrival and without gaps, of this connection only.
          expect(acknowledged).toEqual(arrivals.slice(0, acknowledged.length))
        }
        for (;;) {
          for (const batch of underWay.splice(0)) end(batch)
          const batch = window.cut(all)
          if (batch.length === 0) break
          underWay.push(batch)
        }
        expect(acknowledged).toEqual(arrivals)
        expect([window.waiting, window.bytes]).toEqual([0, 0])
        expect(window.size).toBe(0)
        for (const sent of posted.values()) expect(sent).toEqual([...sent].sort((a, b) => a - b))
      }),
      { numRuns: 500 },
    )
  })
})

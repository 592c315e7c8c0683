import { expect, test } from 'vitest'
import type { Flush } from './buffer.ts'
import { Pipeline, type SendFlush } from './pipeline.ts'

const event = {
  logs: [
    {
      message: JSON.stringify({
        service: 'accounts',
        message: 'sign-in',
        metrics: [{ name: 'sign_ins_total', labels: { result: 'ok' }, value: 1 }],
      }),
    },
  ],
}
const events = (count: number) => Array.from({ length: count }, () => event)

/** A pipeline whose clock is turned by hand, and a hub that adds up like the real one. */
function setUp() {
  const clock = { now: 0 }
  const due: { at: number; go: () => void }[] = []
  const reports: [string, Record<string, unknown>][] = []
  let ids = 0
  const pipeline = new Pipeline({
    now: () => clock.now,
    newId: () => `f${++ids}`,
    wait: (ms) => new Promise((resolve) => due.push({ at: clock.now + ms, go: resolve })),
    report: (message, fields) => reports.push([message, fields]),
  })
  const hub = { flushes: new Map<string, Flush>(), tries: 0, fails: 0, losesAnswers: 0, total: 0 }
  const send: SendFlush = async (flush) => {
    hub.tries += 1
    if (hub.fails-- > 0) throw new Error('hub is down')
    if (!hub.flushes.has(flush.id)) {
      hub.flushes.set(flush.id, flush)
      for (const delta of flush.deltas) if (delta.kind === 'sum') hub.total += delta.value
    }
    if (hub.losesAnswers-- > 0) throw new Error('connection lost')
  }
  /** Turns the clock and lets everything that is due, and what follows from it, happen. */
  async function turn(ms: number) {
    const until = clock.now + ms
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve))
      due.sort((a, b) => a.at - b.at)
      if (due[0] === undefined || due[0].at > until) break
      clock.now = due[0].at
      due.shift()?.go()
    }
    clock.now = until
  }
  return { pipeline, hub, send, turn, reports, clock, due }
}

test('events of one second go in one flush', async () => {
  const { pipeline, hub, send, turn } = setUp()
  expect(pipeline.take(events(1), send)).toBeInstanceOf(Promise)
  expect(pipeline.take(events(2), send)).toBeUndefined()
  await turn(999)
  expect(hub.tries).toBe(0)
  await turn(1)
  expect([...hub.flushes.keys()]).toEqual(['f1'])
  expect(hub.total).toBe(3)
})

test('a hundred events go at once, and the timer finds what came after them', async () => {
  const { pipeline, hub, send, turn } = setUp()
  void pipeline.take(events(99), send)
  void pipeline.take(events(1), send)
  await turn(0)
  expect(hub.total).toBe(100)
  void pipeline.take(events(5), send)
  await turn(1000)
  expect(hub.total).toBe(105)
})

test('a flush whose answer was lost is sent again and counts once', async () => {
  const { pipeline, hub, send, turn } = setUp()
  hub.losesAnswers = 2
  void pipeline.take(events(4), send)
  await turn(5000)
  expect(hub.tries).toBe(3)
  expect(hub.total).toBe(4)
})

test('what a hub that is down did not take goes with a later flush, under its own id', async () => {
  const { pipeline, hub, send, turn, reports } = setUp()
  hub.fails = 3
  void pipeline.take(events(4), send)
  await turn(5000)
  expect(hub.total).toBe(0)
  expect(reports).toEqual([
    ['the hub did not take a flush', expect.objectContaining({ flushId: 'f1', kept: 1, lost: 0 })],
  ])
  void pipeline.take(events(1), send)
  await turn(1000)
  expect([...hub.flushes.keys()]).toEqual(['f1', 'f2'])
  expect(hub.total).toBe(5)
})

test('an outage keeps a bounded number of flushes and says what it lost', async () => {
  const { pipeline, hub, send, turn, reports } = setUp()
  hub.fails = Number.POSITIVE_INFINITY
  for (let n = 0; n < 70; n++) {
    void pipeline.take(events(1), send)
    await turn(200_000)
  }
  const last = reports.at(-1)?.[1]
  expect(Number(last?.kept)).toBeLessThanOrEqual(4)
  expect(reports.reduce((sum, [, { lost }]) => sum + Number(lost), 0)).toBe(70 - Number(last?.kept))
})

test('a timer that the platform has ended does not stop the flushes', async () => {
  const { pipeline, hub, send, turn, clock, due } = setUp()
  void pipeline.take(events(1), send)
  due.splice(0)
  clock.now += 5000
  expect(pipeline.take(events(1), send)).toBeInstanceOf(Promise)
  await turn(1000)
  expect(hub.total).toBe(2)
})

test('what was left out is reported with the flush, by reason', async () => {
  const { pipeline, send, turn, reports } = setUp()
  const message = '{"service":"accounts","metrics":[{"name":"made_up"},{"name":"made_up"}]}'
  void pipeline.take([{ logs: [{ message }] }], send)
  await turn(1000)
  await turn(10_000)
  expect(reports).toEqual([['samples left out', { dropped: { unknown_series: 2 } }]])
})

import { expect, test } from 'vitest'
import { backoff } from './backoff.ts'
import { initialSocket, step } from './socket-state.ts'
import type { SocketEvent, SocketState } from './socket-types.ts'

const url = 'wss://api.test/calls/1/ws'
const frame = (value: object) => JSON.stringify(value)
const welcome = (seq: number, resumed = true) =>
  frame({ type: 'welcome', data: { connectionId: 'c', seq, snapshot: { at: seq }, resumed } })
const event = (seq: number) => ({ type: 'call.status', seq, data: {} })

/** Runs events through the rules with a clock that stands, and returns the state with all effects. */
function run(state: SocketState, events: SocketEvent[], now = 0, random = 0.5) {
  const effects = events.flatMap((next) => {
    const done = step(state, next, now, random)
    state = done.state
    return done.effects
  })
  return { state, effects }
}
const heard = (text: string, attempt = 1): SocketEvent => ({ type: 'message', attempt, text })
const live = (afterSeq?: number, seq = afterSeq ?? 0) =>
  run(initialSocket(afterSeq), [
    { type: 'start' },
    { type: 'granted', attempt: 1, url, ticket: 't' },
    heard(welcome(seq)),
  ]).state
const delivered = (effects: ReturnType<typeof run>['effects']) =>
  effects.flatMap((effect) => (effect.type === 'deliver' ? [effect.frame.seq] : []))

test('a ticket opens a socket with both subprotocols and the position', () => {
  const { effects } = run(initialSocket(7), [
    { type: 'start' },
    { type: 'granted', attempt: 1, url: `${url}?x=1`, ticket: 'abc' },
  ])
  expect(effects.at(-1)).toEqual({
    type: 'open',
    attempt: 1,
    url: `${url}?x=1&afterSeq=7`,
    protocols: ['menagerie.v1', 'ticket.abc'],
  })
})

test('without a position events begin after the welcome', () => {
  const { effects } = run(live(undefined, 5), [heard(frame(event(5))), heard(frame(event(6)))])
  expect(delivered(effects)).toEqual([6])
})

test('a batch is unpacked and what is known is left out', () => {
  const batch = frame({ type: 'batch', data: { events: [1, 2, 2, 3, 1].map(event) } })
  const { effects, state } = run(live(1), [heard(batch), heard(batch)])
  expect(delivered(effects)).toEqual([2, 3])
  expect(state.position).toBe(3)
})

test('a gap asks to resume once and nothing past it is delivered', () => {
  const gap = run(live(0), [heard(frame(event(1))), heard(frame(event(3))), heard(frame(event(4)))])
  expect(delivered(gap.effects)).toEqual([1])
  expect(gap.effects.filter((effect) => effect.type === 'transmit')).toEqual([
    { type: 'transmit', text: '{"type":"resume","data":{"lastSeq":1}}' },
  ])
  const filled = run(gap.state, [
    heard(welcome(4)),
    ...[2, 3, 4].map((n) => heard(frame(event(n)))),
  ])
  expect(delivered(filled.effects)).toEqual([2, 3, 4])
})

test('a position too old, or one the server never reached, starts anew at the snapshot', () => {
  const old = run(live(3), [
    { type: 'dropped', attempt: 1, code: 1006 },
    { type: 'timer', timer: 'retry' },
    { type: 'granted', attempt: 2, url, ticket: 't' },
    heard(welcome(90, false), 2),
    heard(frame(event(91)), 2),
  ])
  expect(old.effects).toContainEqual(expect.objectContaining({ type: 'welcome', reset: true }))
  expect(delivered(old.effects)).toEqual([91])
  expect(live(50, 10).position).toBe(10)
})

test.each([
  [4403, 'refused'],
  [4404, 'refused'],
  [4410, 'ended'],
])('close code %d stops it for good as %s', (code, why) => {
  const { state, effects } = run(live(), [{ type: 'dropped', attempt: 1, code }])
  expect(state.phase.name).toBe('stopped')
  expect(effects).toContainEqual({ type: 'status', status: { name: 'stopped', why, code } })
})

test.each([1000, 1001, 1006, 1008, 1012, 1013, 4401])('close code %d is tried again', (code) => {
  const { state } = run(live(), [
    { type: 'dropped', attempt: 1, code },
    { type: 'timer', timer: 'retry' },
  ])
  expect(state.phase.name).toBe('connecting')
})

test.each([401, 403, 404])('a ticket refused with %d stops it', (status) => {
  const { state } = run(live(), [
    { type: 'dropped', attempt: 1, code: 4401 },
    { type: 'timer', timer: 'retry' },
    { type: 'refused', attempt: 2, status, retryAfterMs: 0 },
  ])
  expect(state.phase.name).toBe('stopped')
})

test('any other failure waits, at least as long as Retry-After says', () => {
  const { state, effects } = run(initialSocket(), [
    { type: 'start' },
    { type: 'refused', attempt: 1, status: 503, retryAfterMs: 9_000 },
  ])
  expect(state.phase.name).toBe('waiting')
  expect(effects.at(-1)).toEqual({ type: 'timer.set', timer: 'retry', delayMs: 9_000 })
})

test('a Retry-After beyond what a timer can hold is an hour, not no wait at all', () => {
  const { effects } = run(initialSocket(), [
    { type: 'start' },
    { type: 'refused', attempt: 1, status: 503, retryAfterMs: 2 ** 31 },
  ])
  expect(effects.at(-1)).toEqual({ type: 'timer.set', timer: 'retry', delayMs: 3_600_000 })
})

test('the wait doubles from 0.25 s to 1.5 s, after twenty tries to 8 s, with full jitter, and a welcome resets it', () => {
  expect([0, 1, 2, 3, 19, 20, 21, 22, 1000].map((attempt) => backoff(attempt, 0.999_999))).toEqual([
    249, 499, 999, 1499, 1499, 2999, 5999, 7999, 7999,
  ])
  expect(backoff(5, 0)).toBe(0)
  let state = initialSocket()
  for (const attempt of [1, 2, 3])
    state = run(state, [
      attempt === 1 ? { type: 'start' } : { type: 'timer', timer: 'retry' },
      { type: 'refused', attempt, status: undefined, retryAfterMs: 0 },
    ]).state
  expect(state.failures).toBe(3)
  const back = run(state, [
    { type: 'timer', timer: 'retry' },
    { type: 'granted', attempt: 4, url, ticket: 't' },
    heard(welcome(0), 4),
  ])
  expect(back.state.failures).toBe(0)
})

test('it pings every 15 s and is dead after 45 s of silence; a pong is life', () => {
  const beat = (state: SocketState, now: number) =>
    run(state, [{ type: 'timer', timer: 'heartbeat' }], now)
  const first = beat(live(), 15_000)
  expect(first.effects).toEqual([
    { type: 'transmit', text: 'ping' },
    { type: 'timer.set', timer: 'heartbeat', delayMs: 15_000 },
  ])
  const heardAgain = run(first.state, [heard('pong')], 30_000).state
  expect(beat(heardAgain, 74_999).state.phase.name).toBe('live')
  const dead = beat(first.state, 45_000)
  expect(dead.state.phase.name).toBe('waiting')
  expect(dead.effects[0]).toEqual({ type: 'hang-up', code: 4000, reason: 'silence' })
})

test('a connection without a welcome is given up', () => {
  const { state } = run(initialSocket(), [
    { type: 'start' },
    { type: 'granted', attempt: 1, url, ticket: 't' },
    { type: 'timer', timer: 'open' },
  ])
  expect(state.phase.name).toBe('waiting')
})

test('a frame without an answer is sent again under the same id after a drop', () => {
  const text = frame({ type: 'call.hangup', id: 'a', data: {} })
  const sent = run(live(), [{ type: 'send', id: 'a', text }])
  const again = run(sent.state, [
    { type: 'dropped', attempt: 1, code: 1006 },
    { type: 'timer', timer: 'retry' },
    { type: 'granted', attempt: 2, url, ticket: 't' },
    heard(welcome(0), 2),
    heard(frame({ type: 'ack', data: { id: 'a', seq: 4 } }), 2),
  ])
  expect(sent.effects).toEqual([{ type: 'transmit', text }])
  expect(again.effects).toContainEqual({ type: 'transmit', text })
  expect(again.effects.at(-1)).toEqual({
    type: 'settle',
    read: { kind: 'ack', id: 'a', seq: 4 },
  })
  expect(again.state.pending).toEqual([])
})

test('a thousand frames at once go no faster than the server allows', () => {
  let state = live()
  let now = 0
  const at: number[] = []
  const note = (effects: ReturnType<typeof run>['effects']) =>
    effects.forEach((effect) => {
      if (effect.type === 'transmit') at.push(now)
    })
  for (let n = 0; n < 1000; n++) {
    const next = run(state, [{ type: 'send', id: `${n}`, text: `{"n":${n}}` }], now)
    state = next.state
    note(next.effects)
  }
  while (at.length < 1000) {
    now += 67
    const next = run(state, [{ type: 'timer', timer: 'flush' }], now)
    state = next.state
    note(next.effects)
  }
  // The server's own bucket: 40, refilled by 20 a second.
  let bucket = 40
  let before = 0
  for (const time of at) {
    bucket = Math.min(40, bucket + ((time - before) / 1000) * 20) - 1
    before = time
    expect(bucket).toBeGreaterThanOrEqual(0)
  }
})

test('what an older connection still says is ignored', () => {
  const { state } = run(live(), [{ type: 'dropped', attempt: 1, code: 1006 }])
  expect(run(state, [heard(frame(event(1)))]).effects).toEqual([])
})

test('text that is no frame is left out', () => {
  for (const text of ['', 'null', '[]', '{"type":1}', '{', '{"type":"batch","data":null}'])
    expect(run(live(), [heard(text)]).effects).toEqual([])
})

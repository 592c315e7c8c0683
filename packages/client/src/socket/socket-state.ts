import { closeCodes, subprotocol, ticketPrefix } from '@menagerie/contracts'
import { backoff } from './backoff.ts'
import { type Read, readFrames } from './frame-reader.ts'
import { freshPace, refill, untilNext } from './pace.ts'
import type {
  EventFrame,
  Phase,
  SocketEffect,
  SocketEvent,
  SocketState,
  Step,
  TimerName,
} from './socket-types.ts'

/** Times of the connection, milliseconds. */
export const HEARTBEAT_MS = 15_000
export const DEAD_AFTER_MS = 45_000
/** From asking for a ticket to the welcome. */
export const OPEN_WITHIN_MS = 15_000
/** However long a `Retry-After` asks to wait. */
export const LONGEST_WAIT_MS = 3_600_000

/** @param afterSeq the last event the caller already has */
export const initialSocket = (afterSeq?: number): SocketState => ({
  phase: { name: 'idle' },
  attempt: 0,
  failures: 0,
  position: afterSeq,
  pending: [],
})

/**
 * The rules of the resuming socket (contract §4): every event once and in order over any number of connections,
 * every frame sent until it is answered.
 *
 * @param now milliseconds
 * @param random in [0, 1), for the jitter
 */
export function step(state: SocketState, event: SocketEvent, now: number, random: number): Step {
  if (state.phase.name === 'stopped') return { state, effects: [] }
  switch (event.type) {
    case 'start':
      return state.phase.name === 'idle' ? connect(state) : unchanged(state)
    case 'granted':
      if (event.attempt !== state.attempt || state.phase.name !== 'connecting')
        return unchanged(state)
      return {
        state: { ...state, phase: { name: 'opening' } },
        effects: [
          {
            type: 'open',
            attempt: state.attempt,
            url: withPosition(event.url, state.position),
            protocols: [subprotocol, `${ticketPrefix}${event.ticket}`],
          },
        ],
      }
    case 'refused':
      if (event.attempt !== state.attempt || state.phase.name !== 'connecting')
        return unchanged(state)
      return event.status === 401 || event.status === 403 || event.status === 404
        ? stop(state, 'refused', event.status)
        : retry(state, random, event.retryAfterMs)
    case 'message':
      return event.attempt === state.attempt && isOpen(state.phase)
        ? readMessage(state, event.text, now)
        : unchanged(state)
    case 'dropped':
      return event.attempt === state.attempt && isOpen(state.phase)
        ? afterDrop(state, event.code, random)
        : unchanged(state)
    case 'timer':
      return onTimer(state, event.timer, now, random)
    case 'send':
      return flush(
        {
          ...state,
          pending: [...state.pending, { id: event.id, text: event.text, sent: false }],
        },
        now,
      )
    case 'emit':
      return isLive(state.phase)
        ? { state, effects: [{ type: 'transmit', text: event.text }] }
        : unchanged(state)
    case 'close':
      return stop(state, 'closed')
  }
}

const unchanged = (state: SocketState): Step => ({ state, effects: [] })
const isLive = (phase: Phase) => phase.name === 'live' || phase.name === 'catching-up'
const isOpen = (phase: Phase) => phase.name === 'opening' || isLive(phase)

function connect(state: SocketState): Step {
  const attempt = state.attempt + 1
  return {
    state: { ...state, attempt, phase: { name: 'connecting' } },
    effects: [
      { type: 'status', status: { name: 'connecting' } },
      { type: 'timer.set', timer: 'open', delayMs: OPEN_WITHIN_MS },
      { type: 'grant', attempt },
    ],
  }
}

const connectionTimers = ['open', 'heartbeat', 'flush'] as const
const cancelAll = (): SocketEffect[] =>
  connectionTimers.map((timer) => ({ type: 'timer.cancel', timer }))

function retry(state: SocketState, random: number, atLeastMs = 0): Step {
  // A timer of more than 24.8 days would fire at once.
  const delayMs = Math.max(Math.min(atLeastMs, LONGEST_WAIT_MS), backoff(state.failures, random))
  return {
    state: { ...state, failures: state.failures + 1, phase: { name: 'waiting' } },
    effects: [
      ...cancelAll(),
      { type: 'status', status: { name: 'waiting', delayMs } },
      { type: 'timer.set', timer: 'retry', delayMs },
    ],
  }
}

function stop(state: SocketState, why: 'ended' | 'refused' | 'closed', code?: number): Step {
  const withCode = code === undefined ? {} : { code }
  return {
    state: { ...state, phase: { name: 'stopped' }, pending: [] },
    effects: [
      ...cancelAll(),
      { type: 'timer.cancel', timer: 'retry' },
      { type: 'hang-up', code: 1000, reason: 'closed by the client' },
      {
        type: 'abandon',
        ids: state.pending.map((frame) => frame.id),
        reason: `The socket has stopped: ${why}`,
        ...withCode,
      },
      { type: 'status', status: { name: 'stopped', why, ...withCode } },
    ],
  }
}

/** 4401 is tried again too: the ticket of a session that is over will be refused, a renewed token's will not. */
function afterDrop(state: SocketState, code: number, random: number): Step {
  switch (code) {
    case closeCodes.ended:
      return stop(state, 'ended', code)
    case closeCodes.forbidden:
    case closeCodes.notFound:
      return stop(state, 'refused', code)
    default:
      return retry(state, random)
  }
}

function onTimer(state: SocketState, timer: TimerName, now: number, random: number): Step {
  const { phase } = state
  switch (timer) {
    case 'retry':
      return phase.name === 'waiting' ? connect(state) : unchanged(state)
    case 'open':
      return phase.name === 'connecting' || phase.name === 'opening'
        ? hangUp(state, random, 'no welcome')
        : unchanged(state)
    case 'flush':
      return flush(state, now)
    case 'heartbeat': {
      if (phase.name !== 'live' && phase.name !== 'catching-up') return unchanged(state)
      if (now - phase.heardAt >= DEAD_AFTER_MS) return hangUp(state, random, 'silence')
      // A `resume` without a welcome means that the two sides do not agree any more: begin anew.
      if (phase.name === 'catching-up' && now - phase.since >= OPEN_WITHIN_MS)
        return hangUp(state, random, 'no answer to resume')
      return {
        state,
        effects: [
          { type: 'transmit', text: 'ping' },
          { type: 'timer.set', timer: 'heartbeat', delayMs: HEARTBEAT_MS },
        ],
      }
    }
  }
}

/** Does not wait for the other side's close: it may be gone. */
function hangUp(state: SocketState, random: number, reason: string): Step {
  const next = retry(state, random)
  return { ...next, effects: [{ type: 'hang-up', code: 4000, reason }, ...next.effects] }
}

function readMessage(state: SocketState, text: string, now: number): Step {
  let current = isLive(state.phase)
    ? { ...state, phase: { ...state.phase, heardAt: now } as Phase }
    : state
  const effects: SocketEffect[] = []
  for (const read of text === 'pong' ? [] : readFrames(text)) {
    const next = readOne(current, read, now)
    current = next.state
    effects.push(...next.effects)
  }
  return { state: current, effects }
}

function readOne(state: SocketState, read: Read, now: number): Step {
  switch (read.kind) {
    case 'welcome':
      return onWelcome(state, read, now)
    case 'event':
      return onEvent(state, read.frame, now)
    case 'ack':
    case 'refusal':
      return {
        state: { ...state, pending: state.pending.filter((frame) => frame.id !== read.id) },
        effects: [{ type: 'settle', read }],
      }
    case 'transient':
      return { state, effects: [{ type: 'show', frame: read.frame }] }
  }
}

function onWelcome(
  state: SocketState,
  read: Extract<Read, { kind: 'welcome' }>,
  now: number,
): Step {
  const { seq, resumed } = read.data
  // Behind our position the server has another history than we do; staying would drop its events as known.
  const reset = state.position === undefined || !resumed || seq < state.position
  const welcome: SocketEffect = { type: 'welcome', read, reset }
  const position = reset ? seq : state.position
  if (isLive(state.phase)) {
    const { heardAt, pace } = state.phase as Extract<Phase, { name: 'live' }>
    return {
      state: { ...state, position, phase: { name: 'live', heardAt, pace } },
      effects: [welcome],
    }
  }
  const opened: SocketState = {
    ...state,
    position,
    failures: 0,
    phase: { name: 'live', heardAt: now, pace: freshPace(now) },
    pending: state.pending.map((frame) => ({ ...frame, sent: false })),
  }
  const resent = flush(opened, now)
  return {
    state: resent.state,
    effects: [
      { type: 'timer.cancel', timer: 'open' },
      { type: 'timer.set', timer: 'heartbeat', delayMs: HEARTBEAT_MS },
      welcome,
      { type: 'status', status: { name: 'live' } },
      ...resent.effects,
    ],
  }
}

function onEvent(state: SocketState, frame: EventFrame, now: number): Step {
  const { phase, position } = state
  if (position === undefined || frame.seq <= position) return unchanged(state)
  if (frame.seq === position + 1)
    return { state: { ...state, position: frame.seq }, effects: [{ type: 'deliver', frame }] }
  if (phase.name !== 'live') return unchanged(state)
  const text = JSON.stringify({ type: 'resume', data: { lastSeq: position } })
  return {
    state: { ...state, phase: { ...phase, name: 'catching-up', since: now } },
    effects: [{ type: 'transmit', text }],
  }
}

/** Sends what this connection has not carried yet, as fast as the server's flood limit allows. */
function flush(state: SocketState, now: number): Step {
  const { phase } = state
  if (phase.name !== 'live' && phase.name !== 'catching-up') return unchanged(state)
  let pace = refill(phase.pace, now)
  const effects: SocketEffect[] = []
  const pending = state.pending.map((frame) => {
    if (frame.sent || pace.tokens < 1) return frame
    pace = { ...pace, tokens: pace.tokens - 1 }
    effects.push({ type: 'transmit', text: frame.text })
    return { ...frame, sent: true }
  })
  if (pending.some((frame) => !frame.sent))
    effects.push({ type: 'timer.set', timer: 'flush', delayMs: untilNext(pace) })
  return { state: { ...state, pending, phase: { ...phase, pace } }, effects }
}

function withPosition(url: string, position: number | undefined): string {
  if (position === undefined) return url
  const target = new URL(url)
  target.searchParams.set('afterSeq', String(position))
  return target.href
}

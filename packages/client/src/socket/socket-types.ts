import type { ServerFrame } from '@menagerie/contracts'
import type { Read } from './frame-reader.ts'
import type { Pace } from './pace.ts'

/** A journalled event: its `seq` is one more than the one before. */
export type EventFrame = ServerFrame & { seq: number }
/** A frame without a number: shown when it comes, never replayed. */
export type Frame = ServerFrame
export interface Acknowledgement {
  id: string
  /** The number its own write got; the same one when the frame had to be sent twice. */
  seq: number | undefined
}

/** What a user interface shows. */
export type SocketStatus =
  | { name: 'connecting' }
  | { name: 'live' }
  /** Drops and comes back by itself. */
  | { name: 'waiting'; delayMs: number }
  /** For good: `ended` the object has ended · `refused` not, or no longer, allowed · `closed` from here. */
  | { name: 'stopped'; why: 'ended' | 'refused' | 'closed'; code?: number }

export interface Pending {
  id: string
  text: string
  /** Whether this connection has carried it. */
  sent: boolean
}

export type Phase =
  | { name: 'idle' }
  | { name: 'waiting' }
  | { name: 'connecting' }
  | { name: 'opening' }
  | { name: 'live'; heardAt: number; pace: Pace }
  /** A gap was seen and `resume` sent; until the welcome, what lies past the gap is left out. */
  | { name: 'catching-up'; heardAt: number; pace: Pace; since: number }
  | { name: 'stopped' }

export interface SocketState {
  phase: Phase
  /** Counts tries; what an older one still reports is ignored. */
  attempt: number
  /** Tries since the last good welcome. */
  failures: number
  /** The last event handed over; `undefined` until a welcome says where live begins. */
  position: number | undefined
  /** Frames without an answer, oldest first. */
  pending: readonly Pending[]
}

export type SocketEvent =
  | { type: 'start' }
  | { type: 'granted'; attempt: number; url: string; ticket: string }
  | { type: 'refused'; attempt: number; status: number | undefined; retryAfterMs: number }
  | { type: 'message'; attempt: number; text: string }
  | { type: 'dropped'; attempt: number; code: number }
  | { type: 'timer'; timer: TimerName }
  | { type: 'send'; id: string; text: string }
  | { type: 'emit'; text: string }
  | { type: 'close' }

/** `retry` ends the wait between tries · `open` limits a try · `heartbeat` · `flush` what pacing held back. */
export type TimerName = 'retry' | 'open' | 'heartbeat' | 'flush'

export type SocketEffect =
  | { type: 'grant'; attempt: number }
  | { type: 'open'; attempt: number; url: string; protocols: string[] }
  | { type: 'transmit'; text: string }
  | { type: 'hang-up'; code: number; reason: string }
  | { type: 'welcome'; read: Extract<Read, { kind: 'welcome' }>; reset: boolean }
  | { type: 'deliver'; frame: EventFrame }
  | { type: 'show'; frame: Frame }
  | { type: 'settle'; read: Extract<Read, { kind: 'ack' | 'refusal' }> }
  | { type: 'abandon'; ids: string[]; reason: string; code?: number }
  | { type: 'status'; status: SocketStatus }
  | { type: 'timer.set'; timer: TimerName; delayMs: number }
  | { type: 'timer.cancel'; timer: TimerName }

export interface Step {
  state: SocketState
  effects: SocketEffect[]
}

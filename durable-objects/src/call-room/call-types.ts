import type { CallDirection, TerminalCallStatus } from '@menagerie/contracts'

/** What a call was started with; never changes. Times are milliseconds since the epoch. */
export interface CallDetails {
  id: string
  direction: CallDirection
  /** E.164. */
  from: string
  /** E.164, or `user:{id}`. */
  to: string
  queueId: string | null
  agentId: string | null
  /** Who started it: an account's id. */
  startedBy: string
  /** Counted from `createdAt`. */
  ringTimeoutSeconds: number
  record: boolean
  metadata: Record<string, string>
  createdAt: number
}

/** Where a call stands; each arm holds the moments that exist in it. */
export type CallPhase =
  | { status: 'queued' }
  | { status: 'ringing'; ringingAt: number }
  | { status: 'in-progress'; answeredAt: number; heldMs: number }
  | { status: 'on-hold'; answeredAt: number; heldMs: number; heldAt: number }
  | EndedPhase

export interface EndedPhase {
  status: TerminalCallStatus
  /** `null` when nobody answered. */
  answeredAt: number | null
  heldMs: number
  endedAt: number
  reason: EndReason
}

/** Why a call ended; `hangupCause` of its record. */
export type EndReason =
  | 'hangup'
  | 'remote_hangup'
  | 'busy'
  | 'rejected'
  | 'no_answer'
  | 'ring_timeout'
  | 'carrier_silent'
  | 'carrier_refused'
  | 'carrier_failed'
  | 'carrier_canceled'
  | 'carrier_lost'
  | 'time_limit'

/** Our side of the carrier's call. */
export interface CarrierLeg {
  /** The carrier's id of the call, once it is known. */
  callSid: string | null
  /** Orders given to the carrier so far; numbers their outbox rows. */
  orders: number
  /** Set once somebody asked to end the call, or its time was up. */
  hangup: { reason: 'hangup' | 'time_limit'; at: number } | null
}

export interface CallParticipant {
  id: string
  kind: 'user' | 'phone'
  /** An account's id, or a phone number. */
  address: string
  state: 'invited' | 'joined' | 'left'
  joinedAt: number | null
  leftAt: number | null
  /** Since when no socket of a user who joined is there; the `gone:` timer runs. */
  absentSince: number | null
}

export interface CallState {
  details: CallDetails
  phase: CallPhase
  leg: CarrierLeg
  participants: readonly CallParticipant[]
}

/** A carrier's words for the state of its call, which are Twilio's. */
export const carrierStatuses = [
  'queued',
  'initiated',
  'ringing',
  'in-progress',
  'completed',
  'busy',
  'failed',
  'no-answer',
  'canceled',
] as const
export type CarrierStatus = (typeof carrierStatuses)[number]

/** What the carrier says of one of its calls. */
export interface CarrierReport {
  callSid: string
  status: CarrierStatus
  /** The callee declined, where the carrier can tell (SIP 603, RFC 3261 §21.6.2). */
  rejected: boolean
  /** Seconds talked, said with `completed`. */
  durationSeconds: number | null
}

/** Everything that can happen to a call after it was started. */
export type CallInput =
  /** The carrier took our order to dial. */
  | { type: 'carrier.accepted'; callSid: string }
  /** The carrier will not dial, now or later. */
  | { type: 'carrier.refused' }
  /** There is nothing at the carrier to hang up: the order to dial never left. */
  | { type: 'carrier.absent' }
  /** The carrier does not know its own call any more. */
  | { type: 'carrier.lost' }
  | { type: 'carrier.report'; report: CarrierReport }
  | { type: 'hangup' }
  /** A user's first socket is there. */
  | { type: 'user.present'; userId: string }
  /** A user's last socket is gone. */
  | { type: 'user.absent'; userId: string }
  | CallTimerInput

/** The call's named timers. A participant's has the participant's id after a colon. */
export type CallTimerInput =
  | { type: 'timer.ring-timeout' }
  | { type: 'timer.carrier-silent' }
  | { type: 'timer.hangup-confirm' }
  | { type: 'timer.carrier-check' }
  | { type: 'timer.time-limit' }
  /** `present`: a socket of that user is there after all. */
  | { type: 'timer.gone'; participantId: string; present: boolean }

/** What the room must do beside saving. Carrier orders leave through the outbox. */
export type CallEffect =
  | { type: 'timer.set'; name: string; at: number }
  | { type: 'timer.cancel'; name: string }
  | CarrierOrder

export type CarrierOrder =
  | { type: 'carrier.place' }
  /** `callSid`: that very call, or the room's own when `null`. */
  | { type: 'carrier.hangup'; callSid: string | null }
  | { type: 'carrier.check' }

/** An event of the call's journal, by the short types of contract §4. */
export type CallJournalEvent =
  | { type: 'call.created'; data: CreatedData }
  | { type: 'call.status'; data: StatusData }
  | { type: 'participant.joined'; data: ParticipantData }
  | { type: 'participant.left'; data: ParticipantData }

export type CreatedData = {
  direction: CallDirection
  from: string
  to: string
  queueId: string | null
  agentId: string | null
  status: 'queued'
}
export type StatusData = { status: string; previousStatus: string; reason?: string }
export type ParticipantData = { id: string; kind: string; address: string; state: string }

/** The outcome of one input. */
export interface Step {
  state: CallState
  events: readonly CallJournalEvent[]
  effects: readonly CallEffect[]
}

import type { CallStatus } from '@menagerie/contracts'

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
/** Words of a call that goes on. */
export const liveStatuses: ReadonlySet<CarrierStatus> = new Set([
  'queued',
  'initiated',
  'ringing',
  'in-progress',
])

/** What the carrier says of one of its calls. */
export interface CarrierReport {
  callSid: string
  status: CarrierStatus
  /** The callee declined, where the carrier can tell (SIP 603, RFC 3261 §21.6.2). */
  rejected: boolean
  /** Seconds talked, said with `completed`. */
  durationSeconds: number | null
}

/** What comes of the carrier's call, or of that of a second leg. */
export type CarrierInput = { leg?: string } & CarrierWord
type CarrierWord =
  /** The carrier took our order to dial. */
  | { type: 'carrier.accepted'; callSid: string }
  /** The carrier will not dial, now or later. */
  | { type: 'carrier.refused' }
  /** There is nothing at the carrier to hang up: the order to dial never left, or that to hang up has arrived. */
  | { type: 'carrier.absent' }
  /** The carrier does not know its own call any more. */
  | { type: 'carrier.lost' }
  | { type: 'carrier.report'; report: CarrierReport }
  /** The voice webhook asks what to do; `dial` tells how what it was told before went. */
  | { type: 'carrier.asked'; callSid: string; dial: DialOutcome | null }
export type LegInput = CarrierInput & { leg: string }

/** Everything that can happen to a call after it was started. */
export type CallInput =
  | CarrierInput
  | { type: 'hangup' }
  /** A user's socket is there. */
  | { type: 'user.present'; userId: string; connectionId?: string }
  /** A user's last socket is gone. */
  | { type: 'user.absent'; userId: string }
  /** Another device of a participant's speaks, since the one before is gone. */
  | { type: 'device.changed'; participantId: string; connectionId: string }
  /** A desk rings, or has nothing that rings. */
  | { type: 'desk.rang'; number: number; devices: number }
  /** A queue took the contact, or is not there. */
  | { type: 'queue.missing'; offer: number }
  | { type: 'agent.accepted'; acceptance: AgentAcceptance }
  | { type: 'work.done'; agentId: string; seconds: number }
  | CallTimerInput

/** How a `dial` instruction went, in the carrier's words. */
export interface DialOutcome {
  participantId: string
  /** `answered` and `in-progress` while it goes on; `completed` once it was answered and is over. */
  status: 'answered' | 'in-progress' | 'completed' | 'busy' | 'no-answer' | 'failed' | 'canceled'
}

/** An agent took the reservation of a contact. */
export interface AgentAcceptance {
  callId: string
  offer: number
  reservationId: string
  agentId: string
  queueId: string
  /** Milliseconds since the epoch. */
  at: number
}

/** The call's named timers. A participant's has the participant's id after a colon. */
export type CallTimerInput =
  | { type: 'timer.ring-timeout' }
  | { type: 'timer.user-ring' }
  | { type: 'timer.consult' }
  | { type: 'timer.carrier-silent' }
  | { type: 'timer.hangup-confirm' }
  | { type: 'timer.carrier-check' }
  | { type: 'timer.time-limit' }
  /** `present`: a socket of that user is there after all. */
  | { type: 'timer.gone'; participantId: string; present: boolean }

/** What somebody asks of a call; the words of contract §4, and of the routes. */
export type CallCommand = { expectedStatus?: CallStatus | undefined } & (
  | { type: 'answer' | 'reject' | 'hangup' | 'hold' | 'resume' }
  | { type: 'transfer'; mode: 'blind' | 'attended'; to: string }
  | { type: 'transfer'; mode: 'complete' | 'cancel' }
  | { type: 'dtmf'; digits: string }
  | { type: 'mute'; muted: boolean }
  | { type: 'disposition'; disposition: string; notes?: string | undefined }
  | { type: 'remove'; participantId: string }
  | { type: 'requeue'; queueId?: string | undefined; priority?: number | undefined }
  | { type: 'message'; clientMessageId: string; body: string }
  | { type: 'read'; seq: number }
)

/** Who commands, as far as rules ask. */
export interface Commander {
  userId: string
  /** The socket it came over; `null` over HTTP. */
  connectionId: string | null
  /** `calls:write`. */
  writes: boolean
  /** `calls:read:all`. */
  oversees: boolean
  /** `queues:write`. */
  managesQueues: boolean
}

/** Why a command is not followed. */
export interface Refusal {
  code: 'forbidden' | 'conflict' | 'not_found' | 'validation_failed'
  detail: string
}

import type { CallDirection, CallStatus, FlowStep, TerminalCallStatus } from '@menagerie/contracts'
import type { OfferedContact, WithdrawnContact } from '../contact-queue/index.ts'

/** What a call was started with; never changes. Times are milliseconds since the epoch. */
export interface CallDetails {
  id: string
  direction: CallDirection
  /** E.164, `user:{id}`, or `anonymous`. */
  from: string
  /** E.164, or `user:{id}`. */
  to: string
  queueId: string | null
  agentId: string | null
  /** Who started it: an account's id; `null` for a call that came in. */
  startedBy: string | null
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
  /** Only one party was left. */
  | 'participant_left'
  /** The customer left while waiting for an answer. */
  | 'abandoned'
  /** Nothing says what incoming calls to the number do. */
  | 'no_flow'
  /** The flow came to its end. */
  | 'flow_ended'
  | 'queue_missing'
  | 'transfer_failed'

/** Our side of the carrier's call; a call between browsers has none of it. */
export interface CarrierLeg {
  /** The carrier's id of the call, once it is known. */
  callSid: string | null
  /** Orders given to the carrier so far; numbers their outbox rows. */
  orders: number
  /** Set once somebody asked to end the call, its time was up, or there is nothing more to do with it. */
  hangup: { reason: EndReason; at: number } | null
  /** The participant whose own device the carrier connects the phone with; nobody while `null`. */
  connectedTo: string | null
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
  muted: boolean
  /** How somebody comes in: by opening a socket, by answering, or not again. */
  entry: 'socket' | 'answer' | 'none'
  /** Taken out by somebody: it is no call of theirs any more. */
  removed: boolean
  /** The device that is in the call; the account's others keep silent. `null` until one is known. */
  connectionId: string | null
  /** Whether a socket of theirs has been there. */
  seen: boolean
  /** The queue the participant was found through. */
  queueId: string | null
  /** Newest number they have read. */
  readSeq: number
}

/** Somebody's devices ring. A call rings at one account at a time. */
export interface Ring {
  /** 1, 2 … within the call. */
  number: number
  participantId: string
  userId: string
  /**
   * `callee`: the call is for them · `flow`: a flow dials them · `transfer`: the call is handed over to them ·
   * `return`: a transfer came to nothing and they had the call before · `consult`: they are asked first.
   */
  why: 'callee' | 'flow' | 'transfer' | 'return' | 'consult'
  until: number
}

/** A transfer under way. `by` and `target` are participants. */
export type Transfer =
  | { mode: 'blind'; by: string; target: string; toPhone: boolean }
  | { mode: 'attended'; by: string; target: string; stage: 'ringing' | 'consulting' }

/** The newest wait in a queue. */
export interface ContactState {
  queueId: string
  /** 1 for the first wait, counted over all queues. */
  offer: number
  offeredAt: number
  priority: number | null
  skills: string[]
  /** When an agent took it; `null` while it waits. */
  acceptedAt: number | null
  /** How it was taken: its repeats are told apart from another's by this. */
  reservationId: string | null
  /** False once nobody waits any more: taken, withdrawn, or the call has ended. */
  waits: boolean
}

/** A flow on its way; `next` is the step to come. */
export interface FlowState {
  steps: readonly FlowStep[]
  next: number
  /** The first step whose words the carrier was not told. */
  unsaid: number
  /** The number that a step dials now, by participant. */
  dialing: string | null
}

export interface CallState {
  details: CallDetails
  phase: CallPhase
  leg: CarrierLeg
  participants: readonly CallParticipant[]
  /** Who has the call now, where that is not who it was started for. */
  agentId: string | null
  ring: Ring | null
  rings: number
  flow: FlowState | null
  contact: ContactState | null
  transfer: Transfer | null
  /** Messages to desks and queues so far; numbers their outbox rows. */
  tasks: number
  disposition: string | null
  notes: string | null
  /** Seconds of after-contact work, by agent. */
  work: Readonly<Record<string, number>>
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
  /** The voice webhook asks what to do; `dial` tells how what it was told before went. */
  | { type: 'carrier.asked'; callSid: string; dial: DialOutcome | null }
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
  code: 'forbidden' | 'conflict' | 'not_found' | 'not_implemented' | 'validation_failed'
  detail: string
}

/** What the room must do beside saving. Orders and tasks leave through the outbox. */
export type CallEffect =
  | { type: 'timer.set'; name: string; at: number }
  | { type: 'timer.cancel'; name: string }
  | CarrierOrder
  | RoomTask

export type CarrierOrder =
  | { type: 'carrier.place' }
  /** `callSid`: that very call, or the room's own when `null`. */
  | { type: 'carrier.hangup'; callSid: string | null }
  | { type: 'carrier.check' }
  /** Have the carrier ask the voice webhook again, since the answer is another now. */
  | { type: 'carrier.redirect' }
  /** Play tones, then ask the voice webhook again. */
  | { type: 'carrier.digits'; digits: string }

/** What desks and queues are told. */
export type RoomTask =
  | { type: 'desk.ring'; userId: string; number: number; expiresAt: number }
  | { type: 'desk.stop'; userId: string; number: number; status: string }
  | { type: 'queue.offer'; queueId: string; contact: OfferedContact }
  | { type: 'queue.withdraw'; queueId: string; contact: WithdrawnContact }

/** An event of the call's journal, by the short types of contract §4. */
export type CallJournalEvent =
  | { type: 'call.created'; data: CreatedData }
  | { type: 'call.status'; data: StatusData }
  | { type: 'call.updated'; data: UpdatedData }
  | { type: 'participant.joined'; data: ParticipantData }
  | { type: 'participant.updated'; data: ParticipantData }
  | { type: 'participant.left'; data: ParticipantData }
  | { type: 'message.created'; data: MessageData }
  | { type: 'message.status'; data: ReadData }

export type CreatedData = {
  direction: CallDirection
  from: string
  to: string
  queueId: string | null
  agentId: string | null
  status: 'queued'
}
export type StatusData = { status: string; previousStatus: string; reason?: string }
/** Only what has changed. */
export type UpdatedData = {
  disposition?: string
  notes?: string | null
  afterContactWorkSeconds?: number
  queueId?: string
  offeredAt?: string
  agentId?: string
  /** How many tones were sent; never which. */
  digitsSent?: number
  /** A participant who was taken out. */
  removed?: string
  transfer?: 'ringing' | 'dialing' | 'consulting' | 'completed' | 'canceled' | 'failed'
}
export type ParticipantData = {
  id: string
  kind: string
  address: string
  state: string
  muted?: boolean
  connectionId?: string
}
export type MessageData = {
  clientMessageId: string
  from: string
  body: string
}
export type ReadData = { seq: number; status: 'read'; by: string }

/** The outcome of one input. */
export interface Step {
  state: CallState
  events: readonly CallJournalEvent[]
  effects: readonly CallEffect[]
}

import type { CallDirection, FlowStep, TerminalCallStatus } from '@menagerie/contracts'

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

/** A telephone that is asked before a transfer: a call of its own at the carrier, forgotten once that is over. */
export interface SecondLeg {
  /** `l1`, `l2` … within the call: in the addresses of its webhooks, and in the token of the order that made it. */
  id: string
  participantId: string
  /** The carrier's id of it, once that is known. */
  callSid: string | null
  answered: boolean
  /** The order to hang it up was given. */
  ending: boolean
  /** Whether the carrier is to dial the device of who asks; not again once that was not there. */
  connects: boolean
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

/**
 * A transfer under way. `by` and `target` are participants. `leg`: the target is a telephone that was dialled by a call
 * of its own.
 */
export type Transfer =
  | { mode: 'blind'; by: string; target: string; toPhone: boolean; leg?: string }
  | {
      mode: 'attended'
      by: string
      target: string
      stage: 'ringing' | 'consulting'
      leg?: string
    }

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
  /** Once a telephone was asked before a transfer: how many were, and the calls of those that may not be over. */
  seconds?: { made: number; legs: readonly SecondLeg[] }
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

import type { ActivityName, CallDirection, ReservationState } from '@menagerie/contracts'
import type { JsonObject } from '@menagerie/core'
import type { TimerChange } from '../journal/types.ts'

/** What somebody can choose: `after-contact-work` follows a contact by itself. */
export type ChosenActivity = Exclude<ActivityName, 'after-contact-work'>

/** What a supervisor says of an agent. */
export interface DeskProfile {
  displayName: string | null
  skills: string[]
  /** `null`: every queue whose skills the agent has. */
  queueIds: string[] | null
  capacity: number
  wrapUpSeconds: number
}

/** A call that uses some of the capacity. */
export interface DeskContact {
  callId: string
  queueId: string | null
  /** When the room says it began, milliseconds since the epoch. */
  since: number
  /** The room's event that said so; an older one changes nothing. */
  seq: number
}

/** A contact that was kept for the agent; what it is about stands in the desk's table. */
export interface DeskReservation {
  id: string
  callId: string
  queueId: string
  offer: number
  state: ReservationState
  createdAt: number
  expiresAt: number
  /** When it was accepted, rejected, … ; `null` while it is pending. */
  endedAt: number | null
  /** Accepted, and the room has not yet told of the agent's joining: the place stays taken. */
  holds: boolean
  /** The room has taken the acceptance in. */
  confirmed: boolean
}

/** A call that rings without a queue. */
export interface DeskRinging {
  callId: string
  direction: CallDirection
  from: string
  to: string
  expiresAt: number
}

/** Everything a desk knows. Times are milliseconds since the epoch. */
export interface DeskState {
  id: string
  /** Set up by a supervisor, or has chosen an activity; any account may have a desk, where its calls ring. */
  isAgent: boolean
  profile: DeskProfile
  /** What was chosen; what is shown follows from it and from the contacts at hand, see `activityOf`. */
  choice: ChosenActivity
  /** Chosen during a contact. */
  next: { name: ChosenActivity; reason: string } | null
  /** After-contact work, which follows the last contact of a queue. */
  work: { callId: string; since: number; until: number } | null
  /** What is shown, since when. */
  activity: { name: ActivityName; since: number }
  /** A socket is open, or was a moment ago. */
  connected: boolean
  /** When the last socket went, while that is not too long ago to count. */
  awaySince: number | null
  contacts: DeskContact[]
  /** Calls that were left lately: what is older than their number comes too late. */
  left: { callId: string; seq: number; at: number }[]
  /** Pending ones, those that hold a place, and the newest that have ended; oldest first. */
  reservations: DeskReservation[]
  /** Reservations whose cancellation came before them. */
  canceled: string[]
  ringing: DeskRinging[]
  /** Calls that stopped to ring: a late repeat of the same ring is known by its end. */
  silenced: { callId: string; expiresAt: number }[]
  /** Queues that were told that the agent serves them. */
  serves: string[]
  /** Since when ready without a contact: the longest idle goes first. */
  idleSince: number
  /** Reservations in a row that ran out. */
  missed: number
  /** Grows with every change. */
  version: number
}

export type DeskInput =
  | { type: 'configure'; profile: DeskProfile }
  | { type: 'choose'; name: ActivityName }
  | { type: 'sign-out' }
  | {
      type: 'reserve'
      reservationId: string
      callId: string
      queueId: string
      offer: number
      /** Asked for by the contact. */
      skills: readonly string[]
      expiresAt: number
    }
  | { type: 'cancel-reservation'; reservationId: string; reason: string }
  /** `connectionId` of the socket that accepts; `null` over HTTP. */
  | { type: 'accept'; reservationId: string; connectionId: string | null }
  | { type: 'reject'; reservationId: string }
  /** The room has taken the acceptance, or has given the call to somebody else. */
  | { type: 'acceptance-taken'; reservationId: string }
  | { type: 'acceptance-late'; reservationId: string }
  | { type: 'ring'; call: DeskRinging }
  | { type: 'stop-ring'; callId: string; status: string }
  | {
      type: 'presence'
      callId: string
      seq: number
      state: 'joined' | 'left'
      queueId: string | null
      at: number
    }
  | { type: 'connected' }
  | { type: 'disconnected' }
  /** The list of queues may have changed. */
  | { type: 'queues-changed' }
  | DeskTimerInput

export type DeskTimerInput =
  | { type: 'timer.reservation'; reservationId: string }
  | { type: 'timer.work' }
  /** @see present whether a socket is open */
  | { type: 'timer.away'; present: boolean }
  | { type: 'timer.ring'; callId: string }
  /** `joined`: what the room says of the agent; `null` when it was not asked. */
  | { type: 'timer.unjoined'; reservationId: string; joined: boolean | null }
  /** The queues that the agent serves, as just read. */
  | { type: 'timer.queues'; queueIds: readonly string[] }

export interface DeskEvent {
  type:
    | 'agent.activity'
    | 'agent.configured'
    | 'reservation.created'
    | 'reservation.accepted'
    | 'reservation.rejected'
    | 'reservation.timeout'
    | 'reservation.canceled'
    | 'call.status'
  data: JsonObject
}

export type DeskEffect =
  | TimerChange
  /** The queue gets the agent's standing. */
  | { type: 'queue.standing'; queueId: string }
  | {
      type: 'queue.ended'
      queueId: string
      reservationId: string
      outcome: 'accepted' | 'rejected' | 'timeout'
      at: number
    }
  | {
      type: 'room.accepted'
      callId: string
      offer: number
      reservationId: string
      queueId: string
      at: number
    }
  | { type: 'room.work'; callId: string; seconds: number; at: number }

export interface DeskStep {
  state: DeskState
  events: DeskEvent[]
  effects: DeskEffect[]
  /** Why nothing was done; missing where something was, or nothing was to do. */
  refusal?: 'not_found' | 'conflict'
}

/** A step that is not settled yet, and why the activity may have changed. */
export interface Change extends DeskStep {
  reason: string | null
  /** The queue that asked for it, and knows by the answer what it does to the agent's standing. */
  askedBy?: string
}

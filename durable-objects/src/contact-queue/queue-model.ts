import type { PatchQueueRequest } from '@menagerie/contracts'
import type { JsonObject } from '@menagerie/core'
import type {
  AgentStanding,
  OfferedContact,
  ReservationOutcome,
  WithdrawnContact,
} from './queue-types.ts'

/** What a supervisor says of a queue. Times are milliseconds since the epoch. */
export interface QueueSettings {
  id: string
  name: string
  skills: string[]
  priority: number
  reservationTimeoutSeconds: number
  serviceLevelSeconds: number
  version: number
  createdAt: number
  updatedAt: number
}

/** Numbers of the day that began at `since` (UTC). */
export interface DayCounts {
  since: number
  offered: number
  answered: number
  abandoned: number
  shortAbandons: number
  answeredWithinServiceLevel: number
  /** Of those that were answered, milliseconds. */
  waitedMs: number
}

/** What the journal keeps of the queue as a whole: rewritten with each change, so all that grows lies in tables. */
export interface QueueState {
  settings: QueueSettings
  /** Set once it was removed; it then answers `not_found`. */
  removedAt: number | null
  day: DayCounts
  /** What the timer `wake` is set to. */
  wakeAt: number | null
}

/** A contact that is kept for one agent. */
export interface HeldReservation {
  id: string
  agentId: string
  expiresAt: number
  /** The desk's version as of which its standing counts the reservation; `null` until the desk has answered. */
  knownAt: number | null
}

/** A contact that waits. Never changed in place. */
export interface WaitingEntry {
  callId: string
  offer: number
  direction: OfferedContact['direction']
  from: string
  to: string
  priority: number
  /** Asked for beyond the queue's own, sorted. */
  skills: readonly string[]
  offeredAt: number
  metadata: Record<string, string>
  reservation: HeldReservation | null
  /** Agents who refused or missed it. */
  passedBy: readonly string[]
  /** Before this the marks of `passedBy` are not forgotten. */
  forgetAt: number
}

/** An agent as the queue knows it. Never changed in place. */
export interface AgentEntry {
  standing: AgentStanding
  /** The standing is known to be stale: not believed until a newer one, or this much time. */
  doubt: { version: number; until: number } | null
}

/** How a wait in this queue ended. */
export interface PastContact {
  callId: string
  offer: number
  outcome: 'answered' | WithdrawnContact['reason']
}

export interface PastReservation {
  id: string
  callId: string
  offer: number
  agentId: string
  outcome: 'accepted' | 'rejected' | 'timeout' | 'refused' | 'canceled'
}

/** What is over, looked up when something late comes. */
export interface Past {
  contact(callId: string): PastContact | undefined
  reservation(id: string): PastReservation | undefined
}

/** What a desk said to a reservation; `unreached`: nothing, and whether it knows of it is not known. */
export interface DeskAnswer {
  reservationId: string
  outcome: 'pending' | 'refused' | 'unreached'
  /** Of the desk; 0 where it said nothing. */
  version: number
}

export type QueueInput =
  | { type: 'offer'; contact: OfferedContact }
  | { type: 'withdraw'; contact: WithdrawnContact }
  | { type: 'agent'; standing: AgentStanding }
  | { type: 'outcome'; outcome: ReservationOutcome }
  | { type: 'answers'; answers: readonly DeskAnswer[] }
  | { type: 'patch'; patch: PatchQueueRequest }
  | { type: 'remove' }
  | { type: 'wake' }

export type QueueEffect =
  | { type: 'reserve'; contact: WaitingEntry; reservation: HeldReservation }
  | { type: 'cancel'; reservationId: string; agentId: string; reason: string }
  /** The list of queues has changed: its row, and the desks that read it. */
  | { type: 'list' }

export interface QueueEvent {
  type:
    | 'contact.offered'
    | 'contact.reserved'
    | 'contact.answered'
    | 'contact.abandoned'
    | 'contact.withdrawn'
    | 'queue.updated'
  data: JsonObject
}

/** What one input leads to; the rows it changes are noted in the book. */
export interface QueueStep {
  state: QueueState
  events: QueueEvent[]
  effects: QueueEffect[]
  answer: 'done' | 'conflict'
}

import type {
  ActivityName,
  CreateQueueRequest,
  PatchQueueRequest,
  Queue,
  QueueStats,
  WaitingContact,
} from '@menagerie/contracts'
import type { Principal, Result } from '@menagerie/core'
import type { AgentDesk } from '../agent-desk/index.ts'
import type { Ticket } from '../journal/index.ts'
import type { SocketObjectEnv } from '../shared/socket-object.ts'

/** What the object is given by the Worker that owns it. */
export interface ContactQueueEnv extends SocketObjectEnv {
  DB: D1Database
  HISTORY_QUEUE: WorkerQueue
  RULES_QUEUE: WorkerQueue
  AGENT_DESK: DurableObjectNamespace<AgentDesk>
}
type WorkerQueue = globalThis.Queue

export interface QueueContext {
  requestId?: string
  traceparent?: string
}

/**
 * A call that asks to wait, told by its room. The same `callId` and `offer` act once; a higher `offer` takes the place
 * of a lower one, a lower one changes nothing.
 */
export interface OfferedContact {
  callId: string
  /** 1 for the first wait of a call; counts on over all its queues. */
  offer: number
  direction: 'inbound' | 'outbound' | 'internal'
  from: string
  to: string
  /** The queue's own when `null`. */
  priority: number | null
  /** Asked for beyond the queue's own. */
  skills: string[]
  /** When the wait began, milliseconds since the epoch: kept over a change of queue. */
  offeredAt: number
  metadata: Record<string, string>
}

/** A wait is over without an answer of this queue's. */
export interface WithdrawnContact {
  callId: string
  offer: number
  /** `abandoned`: the customer left · `moved`: into another queue, or taken by hand · `ended`: the call was ended here. */
  reason: 'abandoned' | 'moved' | 'ended'
}

/** Where an agent stands, told by the desk: whole, never a difference. An older `version` changes nothing. */
export interface AgentStanding {
  agentId: string
  /** Grows with every change of the desk. */
  version: number
  /** False: the agent does not serve this queue any more. */
  serves: boolean
  activity: ActivityName
  skills: string[]
  /** Contacts the agent can take now; 0 unless available and connected. Reservations under way count as taken. */
  free: number
  /** Reservations of this queue that the desk knows of and that are pending. */
  reservations: string[]
  /** Since when without a contact, milliseconds since the epoch: the longest idle goes first. */
  idleSince: number
}

/** What became of a reservation, told by the desk. Told twice it acts once. */
export interface ReservationOutcome {
  reservationId: string
  agentId: string
  outcome: 'accepted' | 'rejected' | 'timeout'
  /** Milliseconds since the epoch. */
  at: number
  standing: AgentStanding
}

export type ContactQueueError =
  | { code: 'not_found' }
  | { code: 'forbidden' }
  | { code: 'conflict' }
  | { code: 'precondition_failed' }
  | { code: 'idempotency_mismatch' }
  | { code: 'payload_too_large' }
  | { code: 'overloaded' | 'storage_full'; retryAfterSeconds: number }

/** The queue over RPC. */
export interface ContactQueueApi {
  create(
    principal: Principal,
    command: { id: string; key: string | null; request: CreateQueueRequest },
    context?: QueueContext,
  ): Promise<Result<{ queue: Queue; replayed: boolean }, ContactQueueError>>
  get(): Promise<Result<Queue, ContactQueueError>>
  patch(
    principal: Principal,
    command: { patch: PatchQueueRequest; ifMatch: number | null },
    context?: QueueContext,
  ): Promise<Result<Queue, ContactQueueError>>
  /** `conflict` while somebody waits. */
  remove(principal: Principal, context?: QueueContext): Promise<Result<null, ContactQueueError>>
  stats(): Promise<Result<QueueStats, ContactQueueError>>
  contacts(
    afterPosition: number,
    limit: number,
  ): Promise<Result<{ contacts: WaitingContact[]; next?: number }, ContactQueueError>>
  issueTicket(principal: Principal): Promise<Result<Ticket, ContactQueueError>>
  closeSession(sessionId: string, context?: QueueContext): Promise<number>

  /** From rooms. `not_found` when there is no such queue, or it was removed. */
  offer(
    contact: OfferedContact,
    context?: QueueContext,
  ): Promise<Result<{ position: number }, ContactQueueError>>
  /** From rooms. A contact that is not known is no error. */
  withdraw(
    contact: WithdrawnContact,
    context?: QueueContext,
  ): Promise<Result<null, ContactQueueError>>
  /** From desks. */
  agentChanged(
    standing: AgentStanding,
    context?: QueueContext,
  ): Promise<Result<null, ContactQueueError>>
  /** From desks. `conflict`: the contact was gone before the agent accepted. */
  reservationEnded(
    outcome: ReservationOutcome,
    context?: QueueContext,
  ): Promise<Result<null, ContactQueueError>>
}

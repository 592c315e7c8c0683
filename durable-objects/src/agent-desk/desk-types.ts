import type {
  Agent,
  Contact,
  PutAgentRequest,
  Reservation,
  SetActivityRequest,
} from '@menagerie/contracts'
import type { Principal, Result } from '@menagerie/core'
import type { CallRoom } from '../call-room/index.ts'
import type { ContactQueue } from '../contact-queue/index.ts'
import type { Ticket } from '../journal/index.ts'
import type { SocketObjectEnv } from '../shared/socket-object.ts'

/** What the object is given by the Worker that owns it. */
export interface AgentDeskEnv extends SocketObjectEnv {
  DB: D1Database
  HISTORY_QUEUE: Queue
  CONTACT_QUEUE: DurableObjectNamespace<ContactQueue>
  CALL_ROOM: DurableObjectNamespace<CallRoom>
  /** Calls that an account may start in a minute. */
  CALL_STARTS_PER_MINUTE: string
}

export interface DeskContext {
  requestId?: string
  traceparent?: string
}

/** A queue asks the desk to offer a contact to its agent. The same id acts once. */
export interface ReserveCommand {
  reservationId: string
  agentId: string
  contact: Contact
  /** Of the contact, see `OfferedContact`. */
  offer: number
  queueName: string
  /** Milliseconds since the epoch. */
  expiresAt: number
}

/** `refused`: the agent cannot take it now; the queue goes on to the next. `version` as of `AgentStanding`. */
export type Reserved = { outcome: 'pending' | 'refused'; version: number }

/** A call that rings at the account without a queue, told by its room. */
export interface RingCommand {
  callId: string
  userId: string
  direction: 'inbound' | 'outbound' | 'internal'
  from: string
  to: string
  /** Milliseconds since the epoch. */
  expiresAt: number
}

/** Whether the account takes part in a call, told by its room: the newest `seq` of a call counts. */
export interface CallPresence {
  callId: string
  userId: string
  /** Of the room's event. */
  seq: number
  state: 'joined' | 'left'
  queueId: string | null
  /** Milliseconds since the epoch. */
  at: number
}

export type AgentDeskError =
  | { code: 'not_found' }
  | { code: 'forbidden' }
  | { code: 'conflict' }
  | { code: 'idempotency_mismatch' }
  | { code: 'payload_too_large' }
  | { code: 'too_many_requests'; retryAfterSeconds: number }
  | { code: 'overloaded' | 'storage_full'; retryAfterSeconds: number }

/** The desk over RPC, one for every account, named by the account's id; asked for the first time it is made. */
export interface AgentDeskApi {
  get(agentId: string): Promise<Result<Agent, AgentDeskError>>
  /** The caller's own desk; makes it. */
  own(principal: Principal): Promise<Result<Agent, AgentDeskError>>
  /** A supervisor's words; makes the desk. */
  configure(
    principal: Principal,
    agentId: string,
    request: PutAgentRequest,
    context?: DeskContext,
  ): Promise<Result<Agent, AgentDeskError>>
  setActivity(
    principal: Principal,
    request: SetActivityRequest,
    context?: DeskContext,
  ): Promise<Result<Agent, AgentDeskError>>
  signOut(principal: Principal, context?: DeskContext): Promise<Result<Agent, AgentDeskError>>
  accept(
    principal: Principal,
    reservationId: string,
    key: string | null,
    context?: DeskContext,
  ): Promise<Result<{ reservation: Reservation; replayed: boolean }, AgentDeskError>>
  reject(
    principal: Principal,
    reservationId: string,
    key: string | null,
    context?: DeskContext,
  ): Promise<Result<{ reservation: Reservation; replayed: boolean }, AgentDeskError>>
  issueTicket(principal: Principal): Promise<Result<Ticket, AgentDeskError>>
  closeSession(sessionId: string, context?: DeskContext): Promise<number>
  /** Counts a start of a call; `too_many_requests` over the limit of a minute. */
  admitStart(principal: Principal): Promise<Result<null, AgentDeskError>>

  /** From queues. */
  reserve(command: ReserveCommand, context?: DeskContext): Promise<Result<Reserved, AgentDeskError>>
  /** From queues: the contact is gone. One that is not known, or not pending, is no error. */
  cancelReservation(
    command: { reservationId: string; reason: string },
    context?: DeskContext,
  ): Promise<Result<null, AgentDeskError>>
  /** From queues and the Worker: the list of queues, or one of them, has changed. A desk that is not there is no error. */
  refreshQueues(context?: DeskContext): Promise<Result<null, AgentDeskError>>
  /** From rooms: returns how many devices ring. Not `ring`, which every object with sockets calls its timers by. */
  ringDevices(
    command: RingCommand,
    context?: DeskContext,
  ): Promise<Result<{ devices: number }, AgentDeskError>>
  /** From rooms: it rings no more. */
  stopRing(
    command: { callId: string; userId: string; status: string },
    context?: DeskContext,
  ): Promise<Result<null, AgentDeskError>>
  /** From rooms. */
  callPresence(presence: CallPresence, context?: DeskContext): Promise<Result<null, AgentDeskError>>
}

import type {
  Call,
  CallEvent,
  CallStatus,
  StartCallRequest,
  StartedCall,
} from '@menagerie/contracts'
import type { Principal, Result } from '@menagerie/core'
import type { Ticket } from '../journal/index.ts'
import type { UserSessions } from '../user-sessions/index.ts'
import type { CarrierReport } from './call-types.ts'

/** What the object is given by the Worker that owns it. */
export interface CallRoomEnv {
  DB: D1Database
  HISTORY_QUEUE: Queue
  RULES_QUEUE: Queue
  WEBHOOKS_QUEUE: Queue
  USER_SESSIONS: DurableObjectNamespace<UserSessions>
  PUBLIC_URL: string
  BOOT_ID: string
  CLOCK_OFFSET_MS?: string
  CARRIER_API_URL: string
  CARRIER_ACCOUNT_SID: string
  CARRIER_AUTH_TOKEN: string
}

/** Where an RPC comes from, for the journal and the log. */
export interface CallContext {
  requestId?: string
  traceparent?: string
}

export interface StartCommand {
  /** The object's name. */
  id: string
  /** The caller's idempotency key; `null` when the caller gave none. */
  key: string | null
  /** As the caller sent it. */
  request: StartCallRequest
  /** The number that calls; the deployment's own unless the caller chose one. */
  from: string
}

export interface Started {
  call: Omit<StartedCall, 'room'>
  ticket: string
  /** RFC 3339. */
  expiresAt: string
  replayed: boolean
}

export interface HungUp {
  call: Call
  replayed: boolean
}

export interface EventsPage {
  events: CallEvent[]
  /** The number to go on after; missing on the last page. */
  nextAfterSeq?: number
}

/** A report out of a webhook whose signature was checked. */
export interface CarrierWebhook {
  report: CarrierReport
  /** What tells this message from others about the same status: its sequence number, or its time. */
  sequence: string
}

export type CallRoomError =
  | { code: 'not_found' }
  | { code: 'forbidden' }
  /** The call has ended. */
  | { code: 'conflict' }
  | { code: 'idempotency_mismatch' }
  | { code: 'payload_too_large' }
  | { code: 'overloaded' | 'storage_full'; retryAfterSeconds: number }

/** The room over RPC. Written out, since the platform's own type gives up at values it cannot look into. */
export interface CallRoomApi {
  start(
    principal: Principal,
    command: StartCommand,
    context?: CallContext,
  ): Promise<Result<Started, CallRoomError>>
  get(principal: Principal): Promise<Result<Call, CallRoomError>>
  events(
    principal: Principal,
    afterSeq: number,
    limit: number,
  ): Promise<Result<EventsPage, CallRoomError>>
  issueTicket(principal: Principal): Promise<Result<Ticket, CallRoomError>>
  hangup(
    principal: Principal,
    key: string | null,
    context?: CallContext,
  ): Promise<Result<HungUp, CallRoomError>>
  carrierStatus(
    webhook: CarrierWebhook,
    context?: CallContext,
  ): Promise<Result<CallStatus, CallRoomError>>
  closeSession(sessionId: string, context?: CallContext): Promise<number>
}

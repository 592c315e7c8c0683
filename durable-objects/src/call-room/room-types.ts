import type {
  Call,
  CallEvent,
  CallStatus,
  FlowStep,
  StartCallRequest,
  StartedCall,
} from '@menagerie/contracts'
import type { Principal, Result } from '@menagerie/core'
import type { AgentDesk } from '../agent-desk/index.ts'
import type { ContactQueue } from '../contact-queue/index.ts'
import type { JournalProof, Ticket } from '../journal/index.ts'
import type { UserSessions } from '../user-sessions/index.ts'
import type { AgentAcceptance, CallCommand, CarrierReport, DialOutcome } from './call-inputs.ts'
import type { Instruction } from './instructions.ts'

/** What the object is given by the Worker that owns it. */
export interface CallRoomEnv {
  DB: D1Database
  HISTORY_QUEUE: Queue
  RULES_QUEUE: Queue
  WEBHOOKS_QUEUE: Queue
  USER_SESSIONS: DurableObjectNamespace<UserSessions>
  AGENT_DESK: DurableObjectNamespace<AgentDesk>
  CONTACT_QUEUE: DurableObjectNamespace<ContactQueue>
  PUBLIC_URL: string
  BOOT_ID: string
  CLOCK_OFFSET_MS?: string
  CARRIER_API_URL: string
  CARRIER_ACCOUNT_SID: string
  CARRIER_AUTH_TOKEN: string
  /** JSON of `IceServer[]`. */
  ICE_SERVERS?: string
  TURN_SECRET?: string
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
  /** Who calls: a number, the deployment's own unless the caller chose one, or `user:{id}` between browsers. */
  from: string
  /** The steps of `request.flowId`; `null` where there is no such flow. */
  flow?: readonly FlowStep[] | null
}

export interface Started {
  call: Omit<StartedCall, 'room'>
  ticket: string
  /** RFC 3339. */
  expiresAt: string
  replayed: boolean
}

/** A command over HTTP or a socket. */
export interface CommandRequest {
  command: CallCommand
  /** The caller's idempotency key, or the frame's id; `null` when the caller gave none. */
  key: string | null
  source: 'http' | 'socket'
}

export interface Commanded {
  call: Call
  /** Number of the command's last event; the head where it made none. */
  seq: number
  replayed: boolean
}

/** A call that came in at the carrier. */
export interface IncomingCall {
  /** The room's name, made from the carrier's id of the call. */
  id: string
  callSid: string
  /** E.164, or `anonymous`. */
  from: string
  /** E.164: the number that was called. */
  to: string
  flow: { id: string; steps: readonly FlowStep[] } | null
}

/** The carrier asks what an answered call shall do. `report` and `sequence` as in `carrierStatus`. */
export interface CarrierQuestion {
  webhook: CarrierWebhook
  /** Set where a `dial` instruction is over, or was answered. */
  dial?: DialOutcome
}

export interface EventsPage {
  events: CallEvent[]
  /** The number to go on after; missing on the last page. */
  nextAfterSeq?: number
}

/** A report out of a webhook whose signature was checked. */
export interface CarrierWebhook {
  report: CarrierReport
  /** Which of the room's calls at the carrier it is about, where that is not the first. */
  leg?: string
  /** What tells this message from others about the same status: its sequence number, or its time. */
  sequence: string
}

export type CallRoomError =
  | { code: 'not_found'; detail?: string }
  | { code: 'forbidden'; detail?: string }
  /** The call has ended, or is not in a state for it. */
  | { code: 'conflict'; detail?: string }
  | { code: 'validation_failed'; detail: string }
  | { code: 'idempotency_mismatch' }
  | { code: 'payload_too_large' }
  | { code: 'too_many_requests'; retryAfterSeconds: number }
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
  /** Does what a member, or a supervisor, asks; the same key does it once. */
  obey(
    principal: Principal,
    request: CommandRequest,
    context?: CallContext,
  ): Promise<Result<Commanded, CallRoomError>>
  /** For members: hashes of a range of events, to the head unless `to` is given; the caller signs the head. */
  proof(
    principal: Principal,
    from: number,
    to?: number,
  ): Promise<Result<JournalProof, CallRoomError>>
  /** From the voice webhook without `callId`: opens the room, once for each call, and says what the carrier shall do. */
  receive(call: IncomingCall, context?: CallContext): Promise<Result<Instruction[], CallRoomError>>
  /** From the voice webhook with `callId`: what the carrier shall do now. */
  ask(
    question: CarrierQuestion,
    context?: CallContext,
  ): Promise<Result<Instruction[], CallRoomError>>
  /** From desks. `conflict`: the contact is gone, or somebody else's. */
  agentAccepted(
    acceptance: AgentAcceptance,
    context?: CallContext,
  ): Promise<Result<null, CallRoomError>>
  /** From desks, also after the call's end. Told twice it counts once. */
  afterContactWork(
    work: { callId: string; agentId: string; seconds: number },
    context?: CallContext,
  ): Promise<Result<null, CallRoomError>>
  carrierStatus(
    webhook: CarrierWebhook,
    context?: CallContext,
  ): Promise<Result<CallStatus, CallRoomError>>
  closeSession(sessionId: string, context?: CallContext): Promise<number>
}

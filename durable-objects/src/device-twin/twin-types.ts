import type {
  BridgeAck,
  BridgeResult,
  Device,
  PatchTwinRequest,
  Presence,
  RuleState,
  Telemetry,
  TelemetryQuery,
  ThresholdRule,
  Twin,
} from '@menagerie/contracts'
import type { Principal, Result } from '@menagerie/core'
import type { BridgeLink } from '../bridge-link/index.ts'
import type { Ticket } from '../journal/index.ts'
import type { UserSessions } from '../user-sessions/index.ts'

/** What the object is given by the Worker that owns it. */
export interface DeviceTwinEnv {
  DB: D1Database
  HISTORY_QUEUE: Queue
  RULES_QUEUE: Queue
  WEBHOOKS_QUEUE: Queue
  DEAD_LETTERS_QUEUE: Queue
  BRIDGE_LINK: DurableObjectNamespace<BridgeLink>
  USER_SESSIONS: DurableObjectNamespace<UserSessions>
  BOOT_ID: string
  CLOCK_OFFSET_MS?: string
}

/** Where an RPC comes from, for the journal and the log. */
export interface TwinContext {
  requestId?: string
  traceparent?: string
}

export interface CreateCommand {
  /** The object's name. */
  id: string
  /** The caller's idempotency key; `null` when the caller gave none. */
  key: string | null
  name: string
  ownerId: string
  metadata: Record<string, string>
}

/** What a topic of the native tree says, its device left out. */
export type TopicKind =
  | { kind: 'presence' }
  | { kind: 'telemetry'; stream: string }
  | { kind: 'event'; name: string }
  | { kind: 'reported' }
  | { kind: 'get' }

/** A message of this device, in the order of its arrival. */
export interface DeviceMessage {
  topic: string
  of: TopicKind
  /** UTF-8 text; `null` where the payload was none, or was too large to be sent on. */
  payload: string | null
  /** What is left of a payload that is not taken: its beginning, and its length in bytes. */
  refused?: { beginning: string; encoding: 'utf-8' | 'base64'; bytes: number }
  qos: 0 | 1
  /** RFC 3339. */
  receivedAt: string
}

/** What became of a batch: one result for each message, and what the device may forget. */
export interface Taken {
  results: BridgeResult[]
  ack?: BridgeAck
}

export type DeviceTwinError =
  | { code: 'not_found' }
  | { code: 'forbidden' }
  /** The id is taken, or the version of a patch is stale. */
  | { code: 'conflict' }
  | { code: 'version_conflict'; version: number }
  | { code: 'precondition_failed'; version: number }
  | { code: 'idempotency_mismatch' }
  | { code: 'payload_too_large' }
  | { code: 'validation_failed'; pointer: string; detail: string }
  | { code: 'overloaded' | 'storage_full'; retryAfterSeconds: number }

export interface PatchCommand {
  key: string | null
  patch: PatchTwinRequest
  /** From `If-Match`; `null` without one. */
  ifMatch: number | null
}

/** The twin over RPC. Written out, since the platform's own type gives up at values it cannot look into. */
export interface DeviceTwinApi {
  /** Makes the device; the same key gets the same answer, another call for a taken id `conflict`. */
  create(
    principal: Principal,
    command: CreateCommand,
    context?: TwinContext,
  ): Promise<Result<{ device: Device; replayed: boolean }, DeviceTwinError>>
  get(principal: Principal): Promise<Result<Device, DeviceTwinError>>
  /** Whether the principal may change the device: `not_found` where it may not even see it, else `forbidden`. */
  mayWrite(principal: Principal): Promise<Result<Device, DeviceTwinError>>
  twin(principal: Principal): Promise<Result<Twin, DeviceTwinError>>
  patchTwin(
    principal: Principal,
    command: PatchCommand,
    context?: TwinContext,
  ): Promise<Result<{ twin: Twin; replayed: boolean }, DeviceTwinError>>
  telemetry(
    principal: Principal,
    query: TelemetryQuery,
  ): Promise<Result<Telemetry, DeviceTwinError>>
  presence(principal: Principal): Promise<Result<Presence, DeviceTwinError>>
  rules(principal: Principal): Promise<Result<RuleState[], DeviceTwinError>>
  putRules(
    principal: Principal,
    rules: ThresholdRule[],
    context?: TwinContext,
  ): Promise<Result<RuleState[], DeviceTwinError>>
  issueTicket(principal: Principal): Promise<Result<Ticket, DeviceTwinError>>
  /**
   * Takes messages that the broker handed to the bridge: all of them are stored, known or recorded as rejected when it
   * returns. `not_found` when there is no such device: then nothing was written.
   *
   * @param link the `BridgeLink` that leads back to the device
   */
  take(
    link: string,
    messages: DeviceMessage[],
    context?: TwinContext,
  ): Promise<Result<Taken, DeviceTwinError>>
  closeSession(sessionId: string, context?: TwinContext): Promise<number>
}

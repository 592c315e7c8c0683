import type {
  BridgeAck,
  BridgeResult,
  Command,
  CommandState,
  Device,
  PatchDeviceRequest,
  PatchTwinRequest,
  Presence,
  RuleState,
  SendCommandRequest,
  Telemetry,
  TelemetryQuery,
  ThresholdRule,
  Twin,
  TwinChange,
  TwinHistoryQuery,
} from '@menagerie/contracts'
import type { ListPage, Principal, Result } from '@menagerie/core'
import type { BridgeLink } from '../bridge-link/index.ts'
import type { Ticket } from '../journal/index.ts'
import type { UserSessions } from '../user-sessions/index.ts'
import type { HistoryPosition } from './document/twin-history.ts'

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
  tags?: string[]
  inactivityTimeoutSeconds?: number | null
}

/** What a topic of the native tree says, its device left out. */
export type TopicKind =
  | { kind: 'presence' }
  | { kind: 'telemetry'; stream: string }
  | { kind: 'event'; name: string }
  | { kind: 'reported' }
  | { kind: 'get' }
  /** What a device says to a command. */
  | { kind: 'answer'; answer: 'ack' | 'progress' | 'result'; commandId: string }
  /** `$aws/things/{d}/shadow/{action}`. */
  | { kind: 'shadow'; action: 'get' | 'update' | 'delete' }

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
  /** Where the device wants its answer, and what it knows it by, in base64 (MQTT 5). */
  responseTopic?: string
  correlationData?: string
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
  | { code: 'command_not_found' }
  /** There is nothing left to cancel. */
  | { code: 'command_ended' }
  /** As many commands as a device may have are under way. */
  | { code: 'too_many_requests'; retryAfterSeconds: number }
  | { code: 'overloaded' | 'storage_full'; retryAfterSeconds: number }

export interface PatchCommand {
  key: string | null
  patch: PatchTwinRequest
  /** From `If-Match`; `null` without one. */
  ifMatch: number | null
}

export interface UpdateCommand {
  key: string | null
  patch: PatchDeviceRequest
}

export interface ClaimCommand {
  key: string | null
  /** SHA-256 of the code, hex. */
  hash: string
}

export interface SendCommand {
  key: string | null
  request: SendCommandRequest
}

export interface CancelCommand {
  key: string | null
  commandId: string
}

export interface CommandsQuery {
  state?: CommandState | undefined
  limit: number
  /** The place that the page before ended at. */
  before?: number | undefined
}

/** Commands, the newest first; `next` where there are more. */
export interface CommandPage {
  items: Command[]
  next?: number
}

/** A page of the twin's history. */
export interface TwinHistoryCommand extends Omit<TwinHistoryQuery, 'cursor'> {
  /** The last row that was shown. */
  before?: HistoryPosition | undefined
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
  /** Changes what is named of it. */
  update(
    principal: Principal,
    command: UpdateCommand,
    context?: TwinContext,
  ): Promise<Result<{ device: Device; replayed: boolean }, DeviceTwinError>>
  /** Ends it for good: everything answers `not_found` from then on, and its name stays taken. */
  remove(principal: Principal, context?: TwinContext): Promise<Result<null, DeviceTwinError>>
  /** The broker has ended its connections, without a last will: it is offline. */
  cutOff(principal: Principal, context?: TwinContext): Promise<Result<null, DeviceTwinError>>
  /** Keeps the hash of a claim code; an earlier one ends. */
  offerClaim(
    principal: Principal,
    claim: { hash: string; expiresAt: number },
    context?: TwinContext,
  ): Promise<Result<null, DeviceTwinError>>
  /** Makes it the principal's; `not_found` unless the hash is that of its code. */
  claim(
    principal: Principal,
    command: ClaimCommand,
    context?: TwinContext,
  ): Promise<Result<{ device: Device; replayed: boolean }, DeviceTwinError>>
  twin(principal: Principal): Promise<Result<Twin, DeviceTwinError>>
  /** Changes of the twin, the newest first. */
  twinHistory(
    principal: Principal,
    query: TwinHistoryCommand,
  ): Promise<Result<ListPage<TwinChange, HistoryPosition>, DeviceTwinError>>
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
  /** Sends a command, or has it wait for a device that is away. */
  sendCommand(
    principal: Principal,
    command: SendCommand,
    context?: TwinContext,
  ): Promise<Result<{ command: Command; replayed: boolean }, DeviceTwinError>>
  /** Gives a command up: `command_ended` where there is nothing to give up. */
  cancelCommand(
    principal: Principal,
    command: CancelCommand,
    context?: TwinContext,
  ): Promise<Result<{ command: Command; replayed: boolean }, DeviceTwinError>>
  getCommand(principal: Principal, commandId: string): Promise<Result<Command, DeviceTwinError>>
  listCommands(
    principal: Principal,
    query: CommandsQuery,
  ): Promise<Result<CommandPage, DeviceTwinError>>
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

import type { JsonObject, JsonValue, Principal } from '@menagerie/core'

export type { JournalProof, ProofLink } from './chain.ts'

/** A value SQLite stores. */
export type SqlValue = string | number | null | ArrayBuffer
export type SqlRow = Record<string, SqlValue>

/**
 * The storage a journal stands on: an object's own SQLite and its one alarm. `do-storage.ts` is the real one,
 * `memory-storage.ts` runs the same SQL on `node:sqlite` so that properties run thousands of times a second.
 */
export interface JournalStorage {
  exec<T extends SqlRow>(sql: string, ...bindings: SqlValue[]): T[]
  /** All or nothing; `work` is synchronous. */
  transaction<T>(work: () => T): T
  getAlarm(): Promise<number | null>
  setAlarm(at: number): Promise<void>
  deleteAlarm(): Promise<void>
}

/** One thing that was asked of the object. Its key is actor ‖ source ‖ id; the same key acts once. */
export interface JournalInput {
  /** Who asks: an account's id, `carrier`, `timer`, a service's name. */
  actor: string
  /** Which door it came through: `http`, `socket`, `webhook`, `timer`, `service`. */
  source: string
  /** The caller's idempotency id (`Idempotency-Key`, frame id, webhook token) or a fresh UUIDv7. */
  id: string
  /** What was asked; a known key with another body is `idempotency_mismatch`. */
  body: JsonValue
  traceparent?: string
  /** Set when a timer asks: its row goes in the same transaction, so it fires once. */
  timer?: FiredTimer
}

/** An event that a step wants to append. */
export interface NewEvent {
  /** The short type of contract §4, such as `call.status`. */
  type: string
  /** 1 unless given. Events are upcast on reading, never rewritten. */
  version?: number
  /** At most 64 KiB as canonical JSON. */
  data: JsonObject
}

/** An event as it is kept and replayed. */
export interface JournalEvent {
  /** 1, 2, 3 … without gaps. */
  seq: number
  /** `{object}:{seq}`, the CloudEvents id. */
  id: string
  type: string
  version: number
  /** RFC 3339. */
  time: string
  actor: string
  /** `null` after erasure. */
  data: JsonObject | null
}

/** A message that must leave the object, kept in the transaction of the change it tells of. */
export interface OutboxEntry {
  /** Unique: the CloudEvents id. Further messages of one event add `.1`, `.2` … */
  id: string
  /** A name in `JournalOptions.destinations`. */
  destination: string
  body: JsonObject
  /** Milliseconds since the epoch; at once when left out. */
  dueAt?: number
}

/** Where outbox rows go. */
export interface Destination {
  /**
   * Takes rows, oldest first. Throws when none of them arrived; the rows stay and are tried again with
   * full-jitter backoff.
   */
  send(rows: readonly { id: string; body: JsonObject }[]): Promise<void>
  /**
   * `confirmed`: what was sent is kept by the receiver, the row goes at once (a D1 projection).
   * `resend`: the receiver may forget it across a restart (a queue), so the row stays `sent` under its
   * `BOOT_ID` for 15 minutes and is sent again under another.
   */
  delivery: 'confirmed' | 'resend'
  /** Rows per `send`; 100 for queues. */
  batchSize: number
  /** Rows leave in the order they were made: where one does not arrive, those after it wait. */
  ordered?: boolean
  /** Bytes of bodies per `send`; 192 KiB unless given, since a queue takes 256 KB with its overhead. */
  batchBytes?: number
}

export type TimerChange =
  | { type: 'timer.set'; name: string; at: number; data?: JsonValue }
  | { type: 'timer.cancel'; name: string }

export interface FiredTimer {
  name: string
  /** When it was due, milliseconds since the epoch. */
  at: number
  data: JsonValue
  /** Distinguishes two settings of one name; part of the input's id. */
  generation: number
}

/** What one input leads to. Everything in it is saved in one transaction. */
export interface Decision<State, Outcome> {
  state: State
  events: readonly NewEvent[]
  /** Stored beside the input and given again to every repeat of it. */
  outcome: Outcome
  /** Made from the numbered events, since their ids are the messages' ids. */
  outbox?: (events: readonly JournalEvent[]) => readonly OutboxEntry[]
  timers?: readonly TimerChange[]
  /** Writes to the object's own tables. */
  save?: () => void
}

export interface Applied<Outcome> {
  outcome: Outcome
  /** True when the key was known and nothing was appended. */
  replayed: boolean
  /** Numbers of the events the input made; both 0 when it made none. */
  firstSeq: number
  lastSeq: number
}

/** The newest number and its hash. */
export interface JournalHead {
  seq: number
  hash: string
}

export type JournalError =
  /** The object was not created, or the timer that asked is gone. */
  | { code: 'not_found' }
  | { code: 'idempotency_mismatch' }
  | { code: 'payload_too_large'; detail: string }
  | { code: 'storage_full'; retryAfterSeconds: number }
  | { code: 'overloaded'; retryAfterSeconds: number }

/** A page of a journal. */
export interface Replay {
  events: JournalEvent[]
  /** The newest number in the journal. */
  head: number
  /** Numbers up to this one are gone by retention; an `afterSeq` below it needs a snapshot. */
  base: number
  /** False when `afterSeq` is older than retention keeps. */
  complete: boolean
}

export interface JournalOptions<State> {
  /** Noun of the object, the first part of `source` and ids: `calls/{name}`. */
  kind: string
  now: () => number
  /** New at every start and deploy; rows sent under another one are sent again. */
  bootId: string
  destinations: Readonly<Record<string, Destination>>
  /** The object's own tables, numbered from 1; run in order, each once. Never edit a released step. */
  schema?: readonly ((sql: JournalStorage['exec']) => void)[]
  /** Lifts old events to the newest version on reading. */
  upcast?: (event: JournalEvent) => JournalEvent
  retention?: { maxAgeMs: number; maxEvents: number }
  /** Told of what happened, for the log line's counters. */
  observe?: (what: JournalObservation) => void
  sockets?: SocketOptions<State>
}

export type JournalObservation =
  | { type: 'outbox'; destination: string; outcome: 'sent' | 'failed'; count: number }
  | { type: 'socket'; change: 1 | -1 }
  /** Something failed that will be tried again or was answered with an error; `where` names the step. */
  | { type: 'fault'; where: string; error: unknown }

/** A frame from a client after the envelope was checked: contract §4. */
export interface ClientFrame {
  type: string
  id?: string
  data: JsonObject
  /** Of the upgrade that opened the socket. */
  traceparent?: string
}

export interface SocketOptions<State> {
  /** What `welcome` shows. */
  snapshot: (state: State, principal: Principal) => JsonValue
  /** True once the object has ended: a socket gets what it missed, then close 4410. */
  ended: (state: State) => boolean
  /** Asked before a socket is accepted: registers it with the session's owner; false refuses with 401. */
  admit: (principal: Principal) => Promise<boolean>
  /**
   * Every frame but `resume`, `reauth` and `ping`. What it returns is sent back to that socket as `ack` or `error`,
   * carrying the frame's id.
   */
  command: (
    principal: Principal,
    frame: ClientFrame,
    connectionId: string,
  ) => Promise<
    { type: 'ack'; seq: number } | { type: 'error'; code: string; detail: string } | undefined
  >
  /** Told when a socket is gone for good. */
  closed?: (principal: Principal, connectionId: string) => void
  /** Told when a socket was accepted, before its `welcome`. */
  opened?: (principal: Principal, connectionId: string) => void
}

export interface Ticket {
  /** Base64url, single use. */
  ticket: string
  /** RFC 3339; 30 s after it was issued. */
  expiresAt: string
}

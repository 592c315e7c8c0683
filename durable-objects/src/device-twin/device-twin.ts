import type {
  Device,
  Presence,
  RuleState,
  Telemetry,
  TelemetryQuery,
  ThresholdRule,
  Twin,
} from '@menagerie/contracts'
import { err, type JsonObject, newId, ok, type Principal, type Result } from '@menagerie/core'
import type { ClientFrame, FiredTimer, Ticket } from '../journal/index.ts'
import { findInput, inputKey } from '../journal/inputs.ts'
import { fail } from '../shared/journal-refusal.ts'
import { SocketObject } from '../shared/socket-object.ts'
import { decisionOf } from './decision.ts'
import { patchDesired } from './desired.ts'
import { type DeviceState, type Happening, toDevice, toPresence } from './device-state.ts'
import { downlink } from './downlinks.ts'
import { type IntakeHost, liveSamples, takeBatch } from './intake.ts'
import { jsonFault } from './json-limits.ts'
import { Ledger } from './ledger.ts'
import { unknownPresence } from './presence-rule.ts'
import { snapshotOf } from './snapshot.ts'
import { TelemetryStore } from './telemetry-store.ts'
import { replaceRules } from './threshold.ts'
import { twinDestinations } from './twin-destinations.ts'
import { emptyTwin, patchFault, toTwin } from './twin-document.ts'
import { invalidPatch } from './twin-errors.ts'
import { answerFrame } from './twin-frames.ts'
import { inputOf } from './twin-input.ts'
import { TwinLog } from './twin-log.ts'
import { createTwinTables } from './twin-schema.ts'
import type {
  CreateCommand,
  DeviceMessage,
  DeviceTwinEnv,
  DeviceTwinError,
  PatchCommand,
  Taken,
  TwinContext,
} from './twin-types.ts'
import { mayCreate, maySee, mayWrite } from './visibility.ts'

const RETENTION = { maxAgeMs: 365 * 24 * 60 * 60 * 1000, maxEvents: 100_000 }
const UNREACHABLE_RETRY_SECONDS = 1
const MAX_TIME = 8.64e15
const MAX_BODY_DEPTH = 8
const notText = 'Names and texts must be well-formed Unicode'

/** What a patch led to, kept for its repeats: the twin only where a key makes repeats possible. */
type PatchOutcome = Result<{ twin: Twin | null; seq: number }, DeviceTwinError>

/** The one owner of a device. Loads, judges, saves, sends; the rules live in the pure files beside it. */
export class DeviceTwin extends SocketObject<DeviceTwinEnv, DeviceState> {
  protected readonly class = 'DeviceTwin'
  protected readonly noun = 'device'
  protected readonly log = new TwinLog(() => this.now())
  readonly #exec = <T>(sql: string, ...bindings: (string | number | null | ArrayBuffer)[]): T[] =>
    this.ctx.storage.sql.exec(sql, ...bindings).toArray() as T[]
  readonly #telemetry: TelemetryStore
  readonly #ledger: Ledger
  readonly #intake: IntakeHost

  constructor(ctx: DurableObjectState, env: DeviceTwinEnv) {
    super(ctx, env)
    this.#telemetry = new TelemetryStore(this.#exec)
    this.#ledger = new Ledger(this.#exec)
    this.begin({
      kind: 'devices',
      destinations: twinDestinations(env),
      schema: [createTwinTables],
      retention: RETENTION,
    })
    this.#intake = {
      storage: { transaction: (work) => ctx.storage.transactionSync(work) },
      journal: this.journal,
      telemetry: this.#telemetry,
      ledger: this.#ledger,
      now: () => this.now(),
      newId,
    }
  }

  /** Makes the device; the same key gets the same answer, another call for a taken id `conflict`. */
  create(
    principal: Principal,
    command: CreateCommand,
    context: TwinContext = {},
  ): Result<{ device: Device; replayed: boolean }, DeviceTwinError> {
    const { id, key, name, ownerId, metadata } = command
    if (!mayCreate(principal, ownerId)) return err({ code: 'forbidden' })
    const body = { type: 'create', id, name, ownerId, metadata }
    if (jsonFault(body, MAX_BODY_DEPTH) !== undefined)
      return err({ code: 'validation_failed', pointer: '', detail: notText })
    const input = inputOf(principal.id, 'http', key, body, context)
    const existed = this.journal.exists
    const created = this.journal.create<Device>(id, input, (now) => {
      const details = { id, name, ownerId, metadata, createdAt: now }
      const state: DeviceState = {
        details,
        twin: emptyTwin,
        presence: unknownPresence,
        rules: [],
      }
      const created: Happening = { type: 'device.created', data: details }
      return this.#decision(state, [created], context, toDevice(state, null))
    })
    this.log.end('device.create', created.ok, { user: principal.id, deviceId: id, ...context })
    if (created.ok) return ok({ device: created.value.outcome, replayed: created.value.replayed })
    if (created.error.code !== 'idempotency_mismatch') return fail(created.error)
    const known = existed && findInput(this.#exec, inputKey(input)) !== undefined
    return err({ code: known ? 'idempotency_mismatch' : 'conflict' })
  }

  get(principal: Principal): Result<Device, DeviceTwinError> {
    return this.#seen(principal, (state) => toDevice(state, this.#ledger.contact.seenAt))
  }

  /** Whether the principal may change the device: `not_found` where it may not even see it, else `forbidden`. */
  mayWrite(principal: Principal): Result<Device, DeviceTwinError> {
    const writable = this.#writable(principal)
    return writable.ok ? this.get(principal) : writable
  }

  twin(principal: Principal): Result<Twin, DeviceTwinError> {
    return this.#seen(principal, ({ twin }) => toTwin(twin))
  }

  /** Merges into `desired` (RFC 7396) and tells the device at once; a patch that changes nothing keeps its version. */
  patchTwin(
    principal: Principal,
    command: PatchCommand,
    context: TwinContext = {},
  ): Result<{ twin: Twin; replayed: boolean }, DeviceTwinError> {
    const patched = this.#patch(principal, 'http', command, context)
    this.log.end('device.patch', patched.ok, { user: principal.id, ...context })
    if (!patched.ok) return patched
    return ok({ twin: patched.value.twin, replayed: patched.value.replayed })
  }

  /** The latest of every stream; with a stream named, also what is kept of it, oldest first. */
  telemetry(
    principal: Principal,
    { stream, from, to, resolution }: TelemetryQuery,
  ): Result<Telemetry, DeviceTwinError> {
    return this.#seen(principal, () => {
      const latest = this.#telemetry.latest(stream)
      if (stream === undefined) return { latest }
      const start = from === undefined ? -MAX_TIME : Date.parse(from)
      const end = to === undefined ? MAX_TIME : Date.parse(to)
      const series =
        resolution === 'minute'
          ? this.#telemetry.minutes(stream, start, end)
          : this.#telemetry.raw(stream, start, end)
      return { latest, series }
    })
  }

  presence(principal: Principal): Result<Presence, DeviceTwinError> {
    return this.#seen(principal, (state) => toPresence(state, this.#ledger.contact.seenAt))
  }

  rules(principal: Principal): Result<RuleState[], DeviceTwinError> {
    return this.#seen(principal, ({ rules }) => [...rules])
  }

  /** Puts rules in the place of all others; one that stays as it was keeps whether it is triggered. */
  putRules(
    principal: Principal,
    rules: ThresholdRule[],
    context: TwinContext = {},
  ): Result<RuleState[], DeviceTwinError> {
    const writable = this.#writable(principal)
    if (!writable.ok) return writable
    const data = { rules } as unknown as JsonObject
    const asked: JsonObject = { type: 'rules', ...data }
    if (jsonFault(asked, MAX_BODY_DEPTH) !== undefined)
      return err({ code: 'validation_failed', pointer: '/rules', detail: notText })
    const applied = this.journal.apply<null>(
      inputOf(principal.id, 'http', null, asked, context),
      (state) => {
        const next = { ...state, rules: replaceRules(state.rules, rules) }
        return this.#decision(next, [{ type: 'device.rules', data }], context, null)
      },
    )
    this.log.end('device.rules', applied.ok, { user: principal.id, ...context })
    return applied.ok ? this.rules(principal) : fail(applied.error)
  }

  async issueTicket(principal: Principal): Promise<Result<Ticket, DeviceTwinError>> {
    if (this.#visible(principal) === undefined) return err({ code: 'not_found' })
    return ok(await this.journal.sockets.issueTicket(principal))
  }

  /** Takes messages that the broker handed to the bridge, all or nothing. `not_found` writes nothing. */
  async take(
    link: string,
    messages: DeviceMessage[],
    context: TwinContext = {},
  ): Promise<Result<Taken, DeviceTwinError>> {
    const batch = takeBatch(this.#intake, link, messages, context.traceparent)
    if (!batch.ok) return fail(batch.error)
    const { taken, samples, answers, rejected } = batch.value
    if (samples.length > 0 && this.ctx.getWebSockets().length > 0)
      for (const [stream, live] of liveSamples(samples))
        this.journal.sockets.broadcast({
          type: 'device.telemetry',
          data: { stream, samples: live } as unknown as JsonObject,
        })
    this.log.end('device.take', rejected > 0, {
      deviceId: this.journal.name,
      messages: messages.length,
      samples: samples.length,
      rejected,
      ...context,
    })
    return answers.length === 0 ? ok(taken) : this.#answer(link, answers, taken)
  }

  protected override snapshot(state: DeviceState) {
    return snapshotOf(state, this.#ledger.contact.seenAt, this.#telemetry.latest())
  }

  protected override hasEnded(): boolean {
    return false
  }

  protected override command(principal: Principal, frame: ClientFrame) {
    return answerFrame(frame, (patch) =>
      this.#patch(principal, 'socket', { key: frame.id ?? null, patch, ifMatch: null }, frame),
    )
  }

  /** A twin sets no timers of its own: the alarm drains the outbox and ends sockets. */
  protected override ring(_: FiredTimer): void {}

  #decision<T>(
    state: DeviceState,
    happenings: readonly Happening[],
    { traceparent }: TwinContext,
    outcome: T,
  ) {
    const send = () => {
      const { link, seenAt } = this.#ledger.contact
      return { link, lastSeenAt: seenAt, traceparent }
    }
    return decisionOf(state, happenings, outcome, send)
  }

  #patch(
    principal: Principal,
    source: 'http' | 'socket',
    { key, patch, ifMatch }: PatchCommand,
    context: TwinContext,
  ): Result<{ twin: Twin; seq: number; replayed: boolean }, DeviceTwinError> {
    const writable = this.#writable(principal)
    if (!writable.ok) return writable
    let fresh: Twin | undefined
    const body = { type: 'patch', ifMatch, ...patch } as unknown as JsonObject
    // Before the journal: what has no canonical form cannot be told from another body.
    const fault = patchFault(patch.desired as JsonObject)
    if (fault !== undefined) return err(invalidPatch(fault))
    const applied = this.journal.apply<PatchOutcome>(
      inputOf(principal.id, source, key, body, context),
      (before, now) => {
        const { state, happenings, answer } = patchDesired(before, patch, ifMatch, now)
        const seq = (this.journal.head()?.seq ?? 0) + happenings.length
        if (answer.ok) fresh = answer.value
        const outcome = answer.ok ? ok({ twin: key === null ? null : answer.value, seq }) : answer
        return this.#decision<PatchOutcome>(state, happenings, context, outcome)
      },
    )
    if (!applied.ok) return fail(applied.error)
    const { outcome, replayed } = applied.value
    if (!outcome.ok) return outcome
    const twin = outcome.value.twin ?? fresh
    if (twin === undefined) throw new Error('A repeated patch has its twin')
    return ok({ twin, seq: outcome.value.seq, replayed })
  }

  async #answer(
    link: string,
    answers: JsonObject[],
    taken: Taken,
  ): Promise<Result<Taken, DeviceTwinError>> {
    const { name } = this.journal
    try {
      await this.env.BRIDGE_LINK.getByName(link).enqueue(
        answers.map((payload) => downlink(name, 'state', newId(), payload)),
      )
      return ok(taken)
    } catch (error) {
      // What is stored stays; the batch comes again and the answer with it.
      this.log.observe({ type: 'fault', where: 'twin state', error })
      return err({ code: 'overloaded', retryAfterSeconds: UNREACHABLE_RETRY_SECONDS })
    }
  }

  #visible(principal: Principal): DeviceState | undefined {
    const { state } = this.journal
    return state !== undefined && maySee(principal, state) ? state : undefined
  }

  #seen<T>(principal: Principal, show: (state: DeviceState) => T): Result<T, DeviceTwinError> {
    const state = this.#visible(principal)
    return state === undefined ? err({ code: 'not_found' }) : ok(show(state))
  }

  #writable(principal: Principal): Result<DeviceState, DeviceTwinError> {
    const state = this.#visible(principal)
    if (state === undefined) return err({ code: 'not_found' })
    return mayWrite(principal, state) ? ok(state) : err({ code: 'forbidden' })
  }
}

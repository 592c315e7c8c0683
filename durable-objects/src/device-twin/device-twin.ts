import type {
  Device,
  Downlink,
  Presence,
  RuleState,
  Telemetry,
  TelemetryQuery,
  ThresholdRule,
  Twin,
} from '@menagerie/contracts'
import { err, type JsonObject, newId, ok, type Principal, type Result } from '@menagerie/core'
import type { ClientFrame, FiredTimer, Ticket } from '../journal/index.ts'
import { fail } from '../shared/journal-refusal.ts'
import { SocketObject } from '../shared/socket-object.ts'
import { type DeviceState, toDevice, toPresence } from './device-state.ts'
import { liveSamples, takeBatch } from './intake/intake.ts'
import { toRuleState } from './rules/threshold.ts'
import { snapshotOf } from './snapshot.ts'
import { twinDestinations } from './twin-destinations.ts'
import { answerFrame } from './twin-frames.ts'
import { TwinLog } from './twin-log.ts'
import { TwinParts } from './twin-parts.ts'
import { twinSchema } from './twin-schema.ts'
import type {
  CancelCommand,
  ClaimCommand,
  CommandsQuery,
  CreateCommand,
  DeviceMessage,
  DeviceTwinEnv,
  DeviceTwinError,
  PatchCommand,
  SendCommand,
  Taken,
  TwinContext,
  TwinHistoryCommand,
  UpdateCommand,
} from './twin-types.ts'

const RETENTION = { maxAgeMs: 365 * 24 * 60 * 60 * 1000, maxEvents: 50_000 }
const UNREACHABLE_RETRY_SECONDS = 1

/** The one owner of a device. Loads, judges, saves, sends; the rules live in the pure files beside it. */
export class DeviceTwin extends SocketObject<DeviceTwinEnv, DeviceState> {
  protected readonly class = 'DeviceTwin'
  protected readonly noun = 'device'
  protected readonly log = new TwinLog(() => this.now())
  readonly #parts: TwinParts

  constructor(ctx: DurableObjectState, env: DeviceTwinEnv) {
    super(ctx, env)
    this.begin({
      kind: 'devices',
      destinations: twinDestinations(env),
      schema: twinSchema,
      retention: RETENTION,
    })
    this.#parts = new TwinParts({
      journal: () => this.journal,
      exec: (sql, ...bindings) => ctx.storage.sql.exec(sql, ...bindings).toArray() as never,
      transaction: (work) => ctx.storage.transactionSync(work),
      now: () => this.now(),
      log: this.log,
    })
  }

  /** Makes the device; the same key gets the same answer, another call for a taken id `conflict`. */
  create(
    principal: Principal,
    command: CreateCommand,
    context: TwinContext = {},
  ): Result<{ device: Device; replayed: boolean }, DeviceTwinError> {
    const created = this.#parts.registry.create(principal, command, context)
    const { id: user } = principal
    this.log.end('device.create', created.ok, { user, deviceId: command.id, ...context })
    return created
  }

  get(principal: Principal): Result<Device, DeviceTwinError> {
    return this.#parts.seen(principal, (state) =>
      toDevice(state, this.#parts.ledger.contact.seenAt),
    )
  }

  /** Whether the principal may change the device: `not_found` where it may not even see it, else `forbidden`. */
  mayWrite(principal: Principal): Result<Device, DeviceTwinError> {
    const writable = this.#parts.writable(principal)
    return writable.ok ? this.get(principal) : writable
  }

  update(principal: Principal, command: UpdateCommand, context: TwinContext = {}) {
    const updated = this.#parts.registry.update(principal, command, context)
    this.log.end('device.update', updated.ok, { user: principal.id, ...context })
    return updated
  }

  remove(principal: Principal, context: TwinContext = {}) {
    const removed = this.#parts.registry.remove(principal, context)
    this.log.end('device.remove', removed.ok, { user: principal.id, ...context })
    return removed
  }

  cutOff(principal: Principal, context: TwinContext = {}) {
    const cut = this.#parts.registry.cutOff(principal, context)
    this.log.end('device.cut-off', cut.ok, { user: principal.id, ...context })
    return cut
  }

  offerClaim(
    principal: Principal,
    claim: { hash: string; expiresAt: number },
    context: TwinContext = {},
  ) {
    return this.#parts.registry.offer(principal, claim, context)
  }

  claim(principal: Principal, command: ClaimCommand, context: TwinContext = {}) {
    const claimed = this.#parts.registry.claim(principal, command, context)
    this.log.end('device.claim', claimed.ok, { user: principal.id, ...context })
    return claimed
  }

  twin(principal: Principal): Result<Twin, DeviceTwinError> {
    return this.#parts.document.get(principal)
  }

  twinHistory(principal: Principal, query: TwinHistoryCommand) {
    return this.#parts.document.history(principal, query)
  }

  /** Merges into `desired` (RFC 7396) and tells the device at once; a patch that changes nothing keeps its version. */
  patchTwin(
    principal: Principal,
    command: PatchCommand,
    context: TwinContext = {},
  ): Result<{ twin: Twin; replayed: boolean }, DeviceTwinError> {
    const patched = this.#parts.document.patch(principal, 'http', command, context)
    this.log.end('device.patch', patched.ok, { user: principal.id, ...context })
    if (!patched.ok) return patched
    return ok({ twin: patched.value.twin, replayed: patched.value.replayed })
  }

  /** The latest of every stream; with a stream named, also what is kept of it, oldest first. */
  telemetry(principal: Principal, query: TelemetryQuery): Result<Telemetry, DeviceTwinError> {
    return this.#parts.seen(principal, () => this.#parts.telemetry.read(query))
  }

  presence(principal: Principal): Result<Presence, DeviceTwinError> {
    return this.#parts.seen(principal, (state) =>
      toPresence(state, this.#parts.ledger.contact.seenAt),
    )
  }

  rules(principal: Principal): Result<RuleState[], DeviceTwinError> {
    return this.#parts.seen(principal, ({ rules }) => rules.map(toRuleState))
  }

  /** Puts rules in the place of all others; one that stays as it was keeps how it stands. */
  putRules(
    principal: Principal,
    rules: ThresholdRule[],
    context: TwinContext = {},
  ): Result<RuleState[], DeviceTwinError> {
    const put = this.#parts.rules.put(principal, rules, context)
    this.log.end('device.rules', put.ok, { user: principal.id, ...context })
    return put
  }

  sendCommand(principal: Principal, command: SendCommand, context: TwinContext = {}) {
    return this.#parts.commands.send(principal, 'http', command, context)
  }

  cancelCommand(principal: Principal, command: CancelCommand, context: TwinContext = {}) {
    return this.#parts.commands.cancel(principal, command, context)
  }

  getCommand(principal: Principal, commandId: string) {
    return this.#parts.commands.get(principal, commandId)
  }

  listCommands(principal: Principal, query: CommandsQuery) {
    return this.#parts.commands.list(principal, query)
  }

  async issueTicket(principal: Principal): Promise<Result<Ticket, DeviceTwinError>> {
    if (this.#parts.visible(principal) === undefined) return err({ code: 'not_found' })
    return ok(await this.journal.sockets.issueTicket(principal))
  }

  /** Takes messages that the broker handed to the bridge, all or nothing. `not_found` writes nothing. */
  async take(
    link: string,
    messages: DeviceMessage[],
    context: TwinContext = {},
  ): Promise<Result<Taken, DeviceTwinError>> {
    const batch = takeBatch(this.#parts.intake, link, messages, context.traceparent)
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
    return snapshotOf(state, this.#parts.ledger.contact.seenAt, this.#parts.telemetry.latest())
  }

  protected override hasEnded({ deletedAt }: DeviceState): boolean {
    return deletedAt !== undefined
  }

  /** A ticket may be from before the device got another owner. */
  protected override opened(): void {
    this.#parts.registry.closeBlind()
  }

  protected override command(principal: Principal, frame: ClientFrame) {
    const key = frame.id ?? null
    return answerFrame(
      frame,
      (patch) =>
        this.#parts.document.patch(principal, 'socket', { key, patch, ifMatch: null }, frame),
      (request) => this.#parts.commands.send(principal, 'socket', { key, request }, frame),
    )
  }

  protected override ring(timer: FiredTimer): void {
    this.#parts.ring(timer)
  }

  async #answer(
    link: string,
    answers: readonly Omit<Downlink, 'id'>[],
    taken: Taken,
  ): Promise<Result<Taken, DeviceTwinError>> {
    const messages = answers.map((answer) => ({ ...answer, id: newId() }))
    try {
      await this.env.BRIDGE_LINK.getByName(link).enqueue(messages)
      return ok(taken)
    } catch (error) {
      // What is stored stays; the batch comes again and the answer with it.
      this.log.observe({ type: 'fault', where: 'twin state', error })
      return err({ code: 'overloaded', retryAfterSeconds: UNREACHABLE_RETRY_SECONDS })
    }
  }
}

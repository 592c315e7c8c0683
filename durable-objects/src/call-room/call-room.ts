import type { Call, CallStatus } from '@menagerie/contracts'
import { err, type JsonObject, newId, ok, type Principal, type Result } from '@menagerie/core'
import {
  type ClientFrame,
  type FiredTimer,
  type JournalInput,
  type Ticket,
  timerInput,
} from '../journal/index.ts'
import { SocketObject } from '../shared/socket-object.ts'
import { answerFrame } from './call-frames.ts'
import { hasEnded } from './call-phase.ts'
import { begin, step } from './call-state.ts'
import type { CallInput, CallState } from './call-types.ts'
import { toCall } from './call-view.ts'
import { createPlacingTable } from './carrier-desk.ts'
import { decisionOf, inputOf } from './decision.ts'
import { roomDestinations } from './room-destinations.ts'
import { fail } from './room-errors.ts'
import { RoomLog } from './room-log.ts'
import type {
  CallContext,
  CallRoomEnv,
  CallRoomError,
  CarrierWebhook,
  EventsPage,
  HungUp,
  StartCommand,
  Started,
} from './room-types.ts'
import { toTimerInput } from './timer-inputs.ts'
import { mayEnd, maySee } from './visibility.ts'

/** What a hang-up led to, kept for its repeats. */
type HangupOutcome = { accepted: true; seq: number; call: Call } | { accepted: false }

/** The one owner of a call. Loads, steps, saves, sends; the rules live in call-state.ts. */
export class CallRoom extends SocketObject<CallRoomEnv, CallState> {
  protected readonly class = 'CallRoom'
  protected readonly noun = 'call'
  protected readonly log = new RoomLog(() => this.now())

  constructor(ctx: DurableObjectState, env: CallRoomEnv) {
    super(ctx, env)
    this.begin({
      kind: 'calls',
      destinations: roomDestinations(env, {
        exec: (sql, ...bindings) => ctx.storage.sql.exec(sql, ...bindings).toArray() as never,
        now: () => this.now(),
        state: () => this.journal.state,
        tell: (input) => this.#happen('carrier', 'carrier', input),
      }),
      schema: [createPlacingTable],
    })
  }

  /** Opens the room and orders the carrier to dial; a repeat of the same key gets the same call and a fresh ticket. */
  async start(
    principal: Principal,
    command: StartCommand,
    context: CallContext = {},
  ): Promise<Result<Started, CallRoomError>> {
    if (principal.kind !== 'user') return err({ code: 'forbidden' })
    const { id, key, request, from } = command
    const body = request as unknown as JsonObject
    const input = inputOf(principal.id, 'http', key ?? id, body, context)
    const created = this.journal.create<Started['call']>(id, input, (now) => {
      const { to, queueId = null, agentId = null, record = false, metadata = {} } = request
      const { ringTimeoutSeconds } = request
      const first = begin({
        id,
        direction: 'outbound',
        from,
        to,
        queueId,
        agentId,
        startedBy: principal.id,
        ringTimeoutSeconds,
        record,
        metadata,
        createdAt: now,
      })
      const createdAt = new Date(now).toISOString()
      const call = { id, status: 'queued', direction: 'outbound', from, to, createdAt } as const
      return decisionOf(first, call, context.traceparent)
    })
    if (!created.ok) return fail(created.error)
    const { ticket, expiresAt } = await this.journal.sockets.issueTicket(principal)
    const { outcome, replayed } = created.value
    this.log.end('call.start', !replayed, { user: principal.id, callId: id, ...context })
    return ok({ call: outcome, ticket, expiresAt, replayed })
  }

  /** The call as it is now. */
  get(principal: Principal): Result<Call, CallRoomError> {
    const state = this.#visible(principal)
    return state === undefined ? err({ code: 'not_found' }) : ok(this.#show(state))
  }

  /** Events after a number, in order. */
  events(principal: Principal, afterSeq: number, limit: number): Result<EventsPage, CallRoomError> {
    if (this.#visible(principal) === undefined) return err({ code: 'not_found' })
    const replay = this.journal.replay(afterSeq, limit)
    if (!replay.ok) return fail(replay.error)
    const { events, head } = replay.value
    const last = events.at(-1)?.seq ?? head
    return ok({
      events: events.map(({ seq, id, type, time, actor, data }) => ({
        seq,
        id,
        type,
        time,
        actor,
        data,
      })),
      ...(last < head ? { nextAfterSeq: last } : {}),
    })
  }

  /** A ticket to the socket, also for a call that has ended. */
  async issueTicket(principal: Principal): Promise<Result<Ticket, CallRoomError>> {
    if (this.#visible(principal) === undefined) return err({ code: 'not_found' })
    return ok(await this.journal.sockets.issueTicket(principal))
  }

  /** Ends the call. `conflict` when it has ended already; the same key gets the same answer. */
  hangup(
    principal: Principal,
    key: string | null,
    context: CallContext = {},
  ): Result<HungUp, CallRoomError> {
    const outcome = this.#hangup(principal, 'http', key ?? newId(), {}, context)
    this.log.end('call.hangup', outcome.ok, { user: principal.id, ...context })
    if (!outcome.ok) return outcome
    const { accepted } = outcome.value.outcome
    if (!accepted) return err({ code: 'conflict' })
    return ok({ call: outcome.value.outcome.call, replayed: outcome.value.replayed })
  }

  /**
   * What the carrier tells in a webhook; late, repeated and reordered ones change nothing that they should not.
   *
   * @returns where the call stands then
   */
  carrierStatus(
    webhook: CarrierWebhook,
    context: CallContext = {},
  ): Result<CallStatus, CallRoomError> {
    const { report, sequence } = webhook
    const id = JSON.stringify([report.callSid, report.status, sequence])
    const taken = this.#take(
      { actor: 'carrier', source: 'webhook', id, context },
      { type: 'carrier.report', report },
    )
    this.log.end('call.carrier', taken.ok && taken.value, {
      carrierStatus: report.status,
      ...context,
    })
    const state = this.journal.state
    if (!taken.ok || state === undefined) return taken.ok ? err({ code: 'not_found' }) : taken
    return ok(state.phase.status)
  }

  protected override snapshot(state: CallState) {
    return toCall(state, this.journal.head()?.seq ?? 0)
  }

  protected override hasEnded(state: CallState): boolean {
    return hasEnded(state)
  }

  protected override command(principal: Principal, frame: ClientFrame) {
    return answerFrame(frame, () =>
      this.#hangup(principal, 'socket', frame.id ?? newId(), frame.data, frame),
    )
  }

  protected override opened({ id }: Principal): void {
    this.#happen(id, 'socket', { type: 'user.present', userId: id })
  }

  protected override closed({ id }: Principal): void {
    if (!this.isHere(id)) this.#happen(id, 'socket', { type: 'user.absent', userId: id })
  }

  protected override returned(): void {
    const state = this.journal.state
    if (state === undefined || hasEnded(state)) return
    for (const { kind, address, state: presence, absentSince } of state.participants)
      if (kind === 'user' && presence === 'joined' && absentSince === null && !this.isHere(address))
        this.#happen(address, 'socket', { type: 'user.absent', userId: address })
  }

  /** Takes in what the room itself notices. @throws Error where the journal cannot keep it: it happens again */
  #happen(actor: string, source: string, input: CallInput): void {
    const taken = this.#take({ actor, source, id: newId() }, input)
    if (!taken.ok) throw new Error(`The call's journal answered ${taken.error.code}`)
  }

  /** Takes in something that happened; what changes nothing is not written. True when it changed the call. */
  #take(
    from: { actor: string; source: string; id: string; context?: CallContext },
    input: CallInput,
  ): Result<boolean, CallRoomError> {
    const state = this.journal.state
    if (state === undefined) return err({ code: 'not_found' })
    const trial = step(state, input, this.now())
    if (trial.state === state && trial.effects.length === 0) return ok(false)
    const { actor, source, id, context = {} } = from
    const applied = this.#apply(inputOf(actor, source, id, { type: input.type }, context), input)
    return applied.ok ? ok(!applied.value.replayed) : fail(applied.error)
  }

  #apply(asked: JournalInput, input: CallInput) {
    const before = this.journal.state
    const applied = this.journal.apply(asked, (state, now) =>
      decisionOf(step(state, input, now), null, asked.traceparent),
    )
    const after = this.journal.state
    // What could not be kept has not happened, and must not be counted.
    if (applied.ok && !applied.value.replayed && before !== undefined && after !== undefined)
      this.log.moved(before, after)
    return applied
  }

  protected override ring(timer: FiredTimer): void {
    const state = this.journal.state
    if (state === undefined) return
    const input = toTimerInput(timer.name, (participantId) =>
      state.participants.some(({ id, address }) => id === participantId && this.isHere(address)),
    )
    // A timer that was cancelled or set anew in the meantime answers `not_found`: there is nothing to do.
    this.#apply(timerInput(timer), input)
  }

  #hangup(
    principal: Principal,
    source: 'http' | 'socket',
    id: string,
    body: JsonObject,
    context: CallContext = {},
  ): Result<{ outcome: HangupOutcome; replayed: boolean }, CallRoomError> {
    const visible = this.#visible(principal)
    if (visible === undefined) return err({ code: 'not_found' })
    if (!mayEnd(principal, visible)) return err({ code: 'forbidden' })
    const asked = inputOf(principal.id, source, id, { type: 'hangup', ...body }, context)
    const applied = this.journal.apply<HangupOutcome>(asked, (state, now) => {
      if (hasEnded(state))
        return decisionOf({ state, events: [], effects: [] }, { accepted: false })
      const next = step(state, { type: 'hangup' }, now)
      const seq = this.journal.head()?.seq ?? 0
      return decisionOf(
        next,
        { accepted: true, seq, call: toCall(next.state, seq) },
        context.traceparent,
      )
    })
    return applied.ok ? ok(applied.value) : fail(applied.error)
  }

  #visible(principal: Principal): CallState | undefined {
    const state = this.journal.state
    return state !== undefined && maySee(principal, state) ? state : undefined
  }

  #show(state: CallState): Call {
    return toCall(state, this.journal.head()?.seq ?? 0)
  }
}

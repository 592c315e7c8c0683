import type { Call, CallStatus } from '@menagerie/contracts'
import {
  err,
  type JsonObject,
  newId,
  ok,
  type Principal,
  type Result,
  toTimestamp,
} from '@menagerie/core'
import type { AgentDeskApi } from '../agent-desk/index.ts'
import type { ClientFrame, JournalProof, Ticket } from '../journal/index.ts'
import { refuseAcceptance } from './acceptance.ts'
import { incomingDetails, startedDetails } from './call-details.ts'
import { type FrameAnswer, readCommand, refuse, toErrorFrame } from './call-frames.ts'
import { begin, obey, receive, step } from './call-state.ts'
import type { AgentAcceptance, CallCommand, Refusal } from './call-types.ts'
import { toCall } from './call-view.ts'
import { commandInput, decisionOf, inputOf } from './decision.ts'
import { type Instruction, instructionsOf } from './instructions.ts'
import { isRelayed, relay } from './relay.ts'
import { RoomBase } from './room-base.ts'
import { fail } from './room-errors.ts'
import type {
  CallContext,
  CallRoomError,
  CarrierQuestion,
  CarrierWebhook,
  Commanded,
  CommandRequest,
  EventsPage,
  IncomingCall,
  StartCommand,
  Started,
} from './room-types.ts'
import { commanderOf } from './visibility.ts'

/** What a command led to, kept for its repeats. */
type Outcome = { accepted: true; seq: number; call: Call } | { accepted: false; refusal: Refusal }

/** The one owner of a call. Loads, steps, saves, sends; the rules live in call-state.ts. */
export class CallRoom extends RoomBase {
  /** Starts that come at once under one key count once. */
  #admitting: Promise<Result<null, CallRoomError>> | undefined

  /** Opens the room and orders the carrier to dial; a repeat of the same key gets the same call and a fresh ticket. */
  async start(
    principal: Principal,
    command: StartCommand,
    context: CallContext = {},
  ): Promise<Result<Started, CallRoomError>> {
    if (principal.kind !== 'user') return err({ code: 'forbidden' })
    const { id, key, request, flow = null } = command
    if (!this.journal.exists) {
      if (request.flowId !== undefined && flow === null)
        return err({ code: 'validation_failed', detail: 'There is no such flow' })
      this.#admitting ??= this.#admit(principal).finally(() => {
        this.#admitting = undefined
      })
      const admitted = await this.#admitting
      if (!admitted.ok) return admitted
    }
    const body = request as unknown as JsonObject
    const input = inputOf(principal.id, 'http', key ?? id, body, context)
    const created = this.journal.create<Started['call']>(id, input, (now) => {
      const details = startedDetails(command, principal.id, now)
      const { direction, from, to } = details
      const createdAt = toTimestamp(now)
      const call = { id, status: 'queued', direction, from, to, createdAt } as const
      return decisionOf(begin(details, flow), call, context.traceparent)
    })
    if (!created.ok) return fail(created.error)
    const { ticket, expiresAt } = await this.journal.sockets.issueTicket(principal)
    const { outcome, replayed } = created.value
    this.log.end('call.start', !replayed, { user: principal.id, callId: id, ...context })
    return ok({ call: outcome, ticket, expiresAt, replayed })
  }

  /** The call as it is now. */
  get(principal: Principal): Result<Call, CallRoomError> {
    const state = this.visible(principal)
    return state === undefined ? err({ code: 'not_found' }) : ok(this.show(state))
  }

  /** Events after a number, in order. */
  events(principal: Principal, afterSeq: number, limit: number): Result<EventsPage, CallRoomError> {
    if (this.visible(principal) === undefined) return err({ code: 'not_found' })
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
    if (this.visible(principal) === undefined) return err({ code: 'not_found' })
    return ok(await this.journal.sockets.issueTicket(principal))
  }

  /** Does what is asked; the same key gets the same answer, also where that was a refusal. */
  obey(
    principal: Principal,
    { command, key, source }: CommandRequest,
    context: CallContext = {},
  ): Result<Commanded, CallRoomError> {
    const done = this.#obey(principal, command, { key, source, connectionId: null }, context)
    this.log.end(`call.${command.type}`, done.ok, { user: principal.id, ...context })
    return done
  }

  /** Hashes of a range of events, for members. */
  proof(principal: Principal, from: number, to?: number): Result<JournalProof, CallRoomError> {
    if (this.visible(principal) === undefined) return err({ code: 'not_found' })
    const proof = this.journal.proof(from, to ?? this.journal.head()?.seq ?? from)
    return proof.ok ? proof : fail(proof.error)
  }

  /** Opens the room of a call that came in; a repeat of the webhook gets the same instructions. */
  receive(call: IncomingCall, context: CallContext = {}): Result<Instruction[], CallRoomError> {
    const { id, callSid, flow } = call
    const input = inputOf('carrier', 'webhook', `voice ${callSid}`, { callSid }, context)
    const created = this.journal.create<Instruction[]>(id, input, (now) => {
      const first = receive(incomingDetails(call, now), callSid, flow?.steps ?? null)
      const told = step(first.state, { type: 'carrier.asked', callSid, dial: null }, now)
      const next = { ...first, state: told.state }
      return decisionOf(next, instructionsOf(first.state), context.traceparent)
    })
    if (!created.ok) return fail(created.error)
    if (!created.value.replayed && this.journal.state !== undefined)
      this.log.began(this.journal.state)
    this.log.end('call.receive', !created.value.replayed, { callId: id, ...context })
    return ok(created.value.outcome)
  }

  /**
   * What the carrier shall do now. Each asking is one of its own, since the carrier asks again whenever it was
   * redirected; the answer follows from how the call stands.
   */
  ask(
    { webhook, dial }: CarrierQuestion,
    context: CallContext = {},
  ): Result<Instruction[], CallRoomError> {
    const { callSid } = webhook.report
    const reported = this.carrierStatus(webhook, context)
    if (!reported.ok) return reported
    const state = this.journal.state
    if (state === undefined) return err({ code: 'not_found' })
    if (state.leg.callSid !== callSid) return ok([{ type: 'hangup' }])
    const answer = dial === undefined ? undefined : this.#dialed(callSid, dial, context)
    if (answer?.ok === false) return answer
    const instructions = instructionsOf(this.journal.state ?? state)
    const said = this.take(
      { actor: 'carrier', source: 'webhook', id: newId(), context },
      { type: 'carrier.asked', callSid, dial: null },
    )
    this.log.end('call.ask', said.ok && said.value, { ...context })
    return said.ok ? ok(instructions) : said
  }

  /** From a desk: its agent has the contact. */
  agentAccepted(
    acceptance: AgentAcceptance,
    context: CallContext = {},
  ): Result<null, CallRoomError> {
    const state = this.journal.state
    if (state === undefined) return err({ code: 'not_found' })
    const refusal = refuseAcceptance(state, acceptance)
    if (refusal !== undefined) return err(refusal as CallRoomError)
    const { agentId, reservationId } = acceptance
    const taken = this.take(
      { actor: agentId, source: 'service', id: `accepted ${reservationId}`, context },
      { type: 'agent.accepted', acceptance },
    )
    this.log.end('call.accepted', taken.ok && taken.value, { user: agentId, ...context })
    return taken.ok ? ok(null) : taken
  }

  /** From a desk: how long an agent worked after the call. */
  afterContactWork(
    { agentId, seconds }: { callId: string; agentId: string; seconds: number },
    context: CallContext = {},
  ): Result<null, CallRoomError> {
    const taken = this.take(
      { actor: agentId, source: 'service', id: newId(), context },
      { type: 'work.done', agentId, seconds },
    )
    this.log.end('call.work', taken.ok && taken.value, { user: agentId, ...context })
    return taken.ok ? ok(null) : taken
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
    const taken = this.take(
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

  protected override command(
    principal: Principal,
    frame: ClientFrame,
    connectionId: string,
  ): FrameAnswer | undefined {
    const state = this.visible(principal)
    if (state === undefined) return refuse('not_found', 'There is no such call')
    if (isRelayed(frame.type)) {
      const host = {
        sockets: this.journal.sockets,
        takeOver: (participantId: string, device: string) =>
          this.happen(principal.id, 'socket', {
            type: 'device.changed',
            participantId,
            connectionId: device,
          }),
      }
      return relay(host, state, principal, frame, connectionId)
    }
    const read = readCommand(frame)
    if (!read.ok) return refuse(read.error.code, read.error.detail)
    const key = frame.id ?? null
    const from = { key, source: 'socket', connectionId } as const
    const done = this.#obey(principal, read.value, from, frame)
    return done.ok ? { type: 'ack', seq: done.value.seq } : toErrorFrame(done.error)
  }

  #obey(
    principal: Principal,
    command: CallCommand,
    from: { key: string | null; source: 'http' | 'socket'; connectionId: string | null },
    context: CallContext = {},
  ): Result<Commanded, CallRoomError> {
    const visible = this.visible(principal)
    if (visible === undefined) return err({ code: 'not_found' })
    const head = () => this.journal.head()?.seq ?? 0
    if (command.type === 'read' && command.seq > head())
      return err({ code: 'validation_failed', detail: 'There is no such event yet' })
    const by = commanderOf(principal, from.connectionId)
    if (from.key === null && command.type !== 'message') {
      // Nobody can repeat it: what changes nothing need not be kept.
      const trial = obey(visible, command, by, this.now())
      if (!trial.ok) return err(trial.error as CallRoomError)
    }
    const asked = commandInput(principal.id, from.source, from.key, command, context)
    const applied = this.apply<Outcome>(asked, (state, now) => {
      const next = obey(state, command, by, now)
      const still = { state, events: [], effects: [] }
      if (!next.ok) return decisionOf(still, { accepted: false, refusal: next.error })
      const seq = head() + next.value.events.length
      const call = toCall(next.value.state, seq)
      return decisionOf(next.value, { accepted: true, seq, call }, context.traceparent)
    })
    if (!applied.ok) return fail(applied.error)
    const { outcome, replayed } = applied.value
    if (!outcome.accepted) return err(outcome.refusal as CallRoomError)
    if (command.type === 'remove' && !replayed) this.closeRemoved(command.participantId)
    return ok({ call: outcome.call, seq: outcome.seq, replayed })
  }

  #dialed(callSid: string, dial: NonNullable<CarrierQuestion['dial']>, context: CallContext) {
    return this.take(
      { actor: 'carrier', source: 'webhook', id: newId(), context },
      { type: 'carrier.asked', callSid, dial },
    )
  }

  async #admit(principal: Principal): Promise<Result<null, CallRoomError>> {
    const desk = this.env.AGENT_DESK.getByName(principal.id) as DurableObjectStub & AgentDeskApi
    const admitted = await desk.admitStart(principal)
    if (admitted.ok || admitted.error.code === 'too_many_requests')
      return admitted as Result<null, CallRoomError>
    return err({ code: 'overloaded', retryAfterSeconds: 1 })
  }
}

import type { Call } from '@menagerie/contracts'
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
import type { ContactQueueApi } from '../contact-queue/index.ts'
import type { ClientFrame, JournalProof, Ticket } from '../journal/index.ts'
import { fail } from '../shared/journal-refusal.ts'
import { refuseAcceptance } from './acceptance.ts'
import { startedDetails } from './call-details.ts'
import { type FrameAnswer, readCommand, refuse, toErrorFrame } from './call-frames.ts'
import type { AgentAcceptance, CallCommand, Refusal } from './call-inputs.ts'
import type { Step } from './call-outputs.ts'
import { begin, obey } from './call-state.ts'
import type { CallState } from './call-types.ts'
import { toCall } from './call-view.ts'
import { commandInput, decisionOf, inputOf } from './decision.ts'
import { isRelayed, relay } from './relay.ts'
import { RoomCarrier } from './room-carrier.ts'
import type {
  CallContext,
  CallRoomError,
  Commanded,
  CommandRequest,
  EventsPage,
  StartCommand,
  Started,
} from './room-types.ts'
import { commanderOf } from './visibility.ts'

/** What a command led to, kept for its repeats. */
type Outcome = { accepted: true; seq: number; call?: Call } | { accepted: false; refusal: Refusal }

/** Undoes an input: nothing is kept of it, and it may come again under the same id. */
class NotKept extends Error {
  readonly refusal: Refusal

  constructor(refusal: Refusal) {
    super(refusal.detail)
    this.refusal = refusal
  }
}

/** The one owner of a call. Loads, steps, saves, sends; the rules live in call-state.ts. */
export class CallRoom extends RoomCarrier {
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
  async obey(
    principal: Principal,
    { command, key, source }: CommandRequest,
    context: CallContext = {},
  ): Promise<Result<Commanded, CallRoomError>> {
    const done = await this.#obey(principal, command, { key, source, connectionId: null }, context)
    this.log.end(`call.${command.type}`, done.ok, { user: principal.id, ...context })
    return done
  }

  /** Hashes of a range of events, for members. */
  proof(principal: Principal, from: number, to?: number): Result<JournalProof, CallRoomError> {
    if (this.visible(principal) === undefined) return err({ code: 'not_found' })
    const proof = this.journal.proof(from, to ?? this.journal.head()?.seq ?? from)
    return proof.ok ? proof : fail(proof.error)
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

  protected override async command(
    principal: Principal,
    frame: ClientFrame,
    connectionId: string,
  ): Promise<FrameAnswer | undefined> {
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
    const done = await this.#obey(principal, read.value, from, frame)
    return done.ok ? { type: 'ack', seq: done.value.seq } : toErrorFrame(done.error)
  }

  async #obey(
    principal: Principal,
    command: CallCommand,
    from: { key: string | null; source: 'http' | 'socket'; connectionId: string | null },
    context: CallContext = {},
  ): Promise<Result<Commanded, CallRoomError>> {
    if (this.visible(principal) === undefined) return err({ code: 'not_found' })
    const leadsNowhere = await this.#leadsNowhere(command)
    const visible = this.visible(principal)
    if (visible === undefined) return err({ code: 'not_found' })
    const head = () => this.journal.head()?.seq ?? 0
    if (command.type === 'read' && command.seq > head())
      return err({ code: 'validation_failed', detail: 'There is no such event yet' })
    const by = commanderOf(principal, from.connectionId)
    const decide = (state: CallState, now: number): Result<Step, Refusal> => {
      const next = obey(state, command, by, now)
      const nowhere = { code: 'validation_failed', detail: 'There is no such queue' } as const
      return next.ok && leadsNowhere ? err(nowhere) : next
    }
    if (from.key === null && command.type !== 'message') {
      // Nobody can repeat it: what changes nothing need not be kept.
      const trial = decide(visible, this.now())
      if (!trial.ok) return err(trial.error as CallRoomError)
    }
    // What a frame is answered with is a number: only a request's answer is worth its space.
    const isShown = from.source === 'http' && from.key !== null
    const asked = commandInput(principal.id, from.source, from.key, command, context)
    try {
      const applied = this.apply<Outcome>(asked, (state, now) => {
        const next = decide(state, now)
        const still = { state, events: [], effects: [] }
        if (!next.ok && command.type === 'message') throw new NotKept(next.error)
        if (!next.ok) return decisionOf(still, { accepted: false, refusal: next.error })
        const seq = head() + next.value.events.length
        const call = isShown ? { call: toCall(next.value.state, seq) } : {}
        return decisionOf(next.value, { accepted: true, seq, ...call }, context.traceparent)
      })
      if (!applied.ok) return fail(applied.error)
      const { outcome, replayed } = applied.value
      if (!outcome.accepted) return err(outcome.refusal as CallRoomError)
      if (command.type === 'remove' && !replayed) this.closeRemoved(command.participantId)
      const { seq, call = this.show(this.journal.state ?? visible) } = outcome
      return ok({ call, seq, replayed })
    } catch (error) {
      if (error instanceof NotKept) return err(error.refusal as CallRoomError)
      throw error
    }
  }

  /** Whether a command leads to a queue that is not there. One that does not answer may be: the outbox will find out. */
  async #leadsNowhere(command: CallCommand): Promise<boolean> {
    const queueId = queueNamedBy(command)
    if (queueId === undefined) return false
    const queue = this.env.CONTACT_QUEUE.getByName(queueId) as DurableObjectStub & ContactQueueApi
    try {
      const found = await queue.get()
      return !found.ok && found.error.code === 'not_found'
    } catch {
      return false
    }
  }

  async #admit(principal: Principal): Promise<Result<null, CallRoomError>> {
    const desk = this.env.AGENT_DESK.getByName(principal.id) as DurableObjectStub & AgentDeskApi
    const admitted = await desk.admitStart(principal)
    if (admitted.ok || admitted.error.code === 'too_many_requests')
      return admitted as Result<null, CallRoomError>
    return err({ code: 'overloaded', retryAfterSeconds: 1 })
  }
}

function queueNamedBy(command: CallCommand): string | undefined {
  if (command.type === 'requeue') return command.queueId
  const to = command.type === 'transfer' && 'to' in command ? command.to : ''
  return to.startsWith('queue:') ? to.slice('queue:'.length) : undefined
}

import type { Agent, PutAgentRequest, Reservation, SetActivityRequest } from '@menagerie/contracts'
import { err, ok, type Principal, type Result } from '@menagerie/core'
import type { Ticket } from '../journal/index.ts'
import { ticketAddress } from '../shared/ticket-address.ts'
import { DeskBase } from './desk-base.ts'
import { countStart } from './desk-tables.ts'
import type {
  AgentDeskError,
  CallPresence,
  DeskContext,
  ReserveCommand,
  Reserved,
  RingCommand,
} from './desk-types.ts'
import { takeReservation } from './take-reservation.ts'
import { mayServe, onlyOnlookers } from './who-is-here.ts'

/** The one owner of an agent's day. Loads, steps, saves, sends; the rules live in desk-state.ts. */
export class AgentDesk extends DeskBase {
  /** The desk as it is now; `not_found` for one that was never opened. */
  get(_agentId: string): Result<Agent, AgentDeskError> {
    const { state } = this.book
    return state === undefined ? err({ code: 'not_found' }) : ok(this.book.show(state))
  }

  /** The caller's own desk, which is opened by asking. */
  own(principal: Principal): Result<Agent, AgentDeskError> {
    const opened = this.open(principal)
    return opened.ok ? ok(this.book.show(opened.value)) : opened
  }

  /** A supervisor says what the agent can do. */
  configure(
    principal: Principal,
    agentId: string,
    request: PutAgentRequest,
    context: DeskContext = {},
  ): Result<Agent, AgentDeskError> {
    if (!principal.permissions.includes('queues:write')) return err({ code: 'forbidden' })
    const opened = this.book.open(agentId)
    if (!opened.ok) return opened
    const { displayName, skills, queueIds, capacity, wrapUpSeconds } = request
    const profile = { displayName, skills, queueIds, capacity, wrapUpSeconds }
    return this.ask(principal, { type: 'configure', profile }, context)
  }

  /** The agent chooses what to do. `conflict` for after-contact work, which comes by itself. */
  setActivity(
    principal: Principal,
    { name }: SetActivityRequest,
    context: DeskContext = {},
  ): Result<Agent, AgentDeskError> {
    if (!mayServe(principal)) return err({ code: 'forbidden' })
    const opened = this.open(principal)
    if (!opened.ok) return opened
    this.look()
    return this.ask(principal, { type: 'choose', name }, context)
  }

  /** A supervisor takes the agent off. */
  signOut(principal: Principal, context: DeskContext = {}): Result<Agent, AgentDeskError> {
    if (!principal.permissions.includes('queues:write')) return err({ code: 'forbidden' })
    return this.ask(principal, { type: 'sign-out' }, context)
  }

  accept(
    principal: Principal,
    reservationId: string,
    key: string | null,
    context: DeskContext = {},
  ): Result<{ reservation: Reservation; replayed: boolean }, AgentDeskError> {
    const input = { type: 'accept', reservationId, connectionId: null } as const
    return this.decide(principal, key, input, context)
  }

  reject(
    principal: Principal,
    reservationId: string,
    key: string | null,
    context: DeskContext = {},
  ): Result<{ reservation: Reservation; replayed: boolean }, AgentDeskError> {
    return this.decide(principal, key, { type: 'reject', reservationId }, context)
  }

  /** A ticket to the socket of the caller's own desk, which it opens. */
  async issueTicket(principal: Principal): Promise<Result<Ticket, AgentDeskError>> {
    const opened = this.open(principal)
    if (!opened.ok) return opened
    return ok(await this.journal.sockets.issueTicket(principal, ticketAddress(principal.id)))
  }

  /** Counts a start of a call; `too_many_requests` over the limit of a minute. */
  admitStart(principal: Principal): Result<null, AgentDeskError> {
    const opened = this.open(principal)
    if (!opened.ok) return opened
    const limit = Number(this.env.CALL_STARTS_PER_MINUTE)
    const wait = countStart(this.exec, limit, this.now())
    if (wait === 0) return ok(null)
    return err({ code: 'too_many_requests', retryAfterSeconds: Math.ceil(wait / 1000) })
  }

  /** A queue asks to keep a contact for the agent. What was answered once is answered again. */
  async reserve(
    command: ReserveCommand,
    context: DeskContext = {},
  ): Promise<Result<Reserved, AgentDeskError>> {
    this.look()
    const host = {
      book: this.book,
      db: this.env.DB,
      hidden: () => onlyOnlookers(this.journal.sockets.principals),
      now: () => this.now(),
      fault: (error: unknown) =>
        this.log.observe({ type: 'fault', where: 'history of a contact', error }),
    }
    const taken = await takeReservation(host, command, context)
    if (!taken.ok) return taken
    const { replayed, ...reserved } = taken.value
    const { callId } = command.contact
    this.log.end('desk.reserve', !replayed, { outcome: reserved.outcome, callId, ...context })
    return ok(reserved)
  }

  /** The contact of a reservation is gone. */
  cancelReservation(
    { reservationId, reason }: { reservationId: string; reason: string },
    context: DeskContext = {},
  ): Result<null, AgentDeskError> {
    return this.note('queue', { type: 'cancel-reservation', reservationId, reason }, context)
  }

  /** The list of queues, or one of them, has changed. */
  refreshQueues(context: DeskContext = {}): Result<null, AgentDeskError> {
    return this.note('queue', { type: 'queues-changed' }, context)
  }

  /** The contacts of an agent who was locked out go on, also where the client does not let go of its socket. */
  override closeSession(sessionId: string, context: DeskContext = {}): number {
    const closed = super.closeSession(sessionId, context)
    this.look()
    return closed
  }

  /** A call rings: on every device that is there, and on those that come while it rings. */
  ringDevices(
    { userId, ...call }: RingCommand,
    context: DeskContext = {},
  ): Result<{ devices: number }, AgentDeskError> {
    const opened = this.book.open(userId)
    if (!opened.ok) return opened
    const noted = this.note('room', { type: 'ring', call }, context)
    if (!noted.ok) return noted
    const rings = this.book.state?.ringing.some(({ callId }) => callId === call.callId)
    return ok({ devices: rings === true ? this.journal.sockets.count : 0 })
  }

  stopRing(
    { callId, status }: { callId: string; userId: string; status: string },
    context: DeskContext = {},
  ): Result<null, AgentDeskError> {
    return this.note('room', { type: 'stop-ring', callId, status }, context)
  }

  /** A room tells whether the account takes part in its call. */
  callPresence(
    { userId, ...presence }: CallPresence,
    context: DeskContext = {},
  ): Result<null, AgentDeskError> {
    const opened = this.book.open(userId)
    if (!opened.ok) return opened
    return this.note('room', { type: 'presence', ...presence }, context)
  }
}

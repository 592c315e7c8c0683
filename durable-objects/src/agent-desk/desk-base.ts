import type { Reservation } from '@menagerie/contracts'
import { err, newId, ok, type Principal, type Result } from '@menagerie/core'
import type { CallRoomApi } from '../call-room/index.ts'
import type { ClientFrame, FiredTimer, JournalStorage } from '../journal/index.ts'
import { ObjectLog } from '../shared/object-log.ts'
import { SocketObject } from '../shared/socket-object.ts'
import { type Asked, DeskBook } from './desk-book.ts'
import { deskDestinations } from './desk-destinations.ts'
import { answerFrame } from './desk-frames.ts'
import type { DeskInput, DeskState } from './desk-state-types.ts'
import { createDeskTables } from './desk-tables.ts'
import { toTimerInput } from './desk-timers.ts'
import type { AgentDeskEnv, AgentDeskError, DeskContext } from './desk-types.ts'
import { isJoined } from './is-joined.ts'
import { isPresent, mayServe } from './who-is-here.ts'

const KEPT_MS = 7 * 24 * 60 * 60_000
const MAX_EVENTS = 10_000

/** A desk's history, its log and its sockets, and how it takes in what it is asked and told. */
export abstract class DeskBase extends SocketObject<AgentDeskEnv, DeskState> {
  protected readonly class = 'AgentDesk'
  protected readonly noun = 'desk'
  protected readonly log = new ObjectLog(
    {
      service: 'communications',
      object: 'AgentDesk',
      sockets: 'communications',
      ownDestinations: ['projection', 'queue', 'room'],
    },
    () => this.now(),
  )
  protected readonly exec: JournalStorage['exec'] = (sql, ...bindings) =>
    this.ctx.storage.sql.exec(sql, ...bindings).toArray() as never
  protected readonly book = new DeskBook({
    journal: () => this.journal,
    exec: this.exec,
    now: () => this.now(),
  })

  constructor(ctx: DurableObjectState, env: AgentDeskEnv) {
    super(ctx, env)
    this.begin({
      kind: 'agents',
      destinations: deskDestinations(env, {
        state: () => this.book.state,
        takeListed: () => this.book.takeListed(),
        tell: (input) => this.#happen('room', input),
        again: (destination, rows) => this.book.again(destination, rows),
        fault: (where, error) => this.log.observe({ type: 'fault', where, error }),
      }),
      schema: [createDeskTables],
      retention: { maxAgeMs: KEPT_MS, maxEvents: MAX_EVENTS },
    })
  }

  protected override snapshot(state: DeskState) {
    return this.book.show(state)
  }

  protected override hasEnded(): boolean {
    return false
  }

  protected override command(principal: Principal, frame: ClientFrame, connectionId: string) {
    this.look()
    return answerFrame(principal, frame, connectionId, (input) =>
      this.book.hear(principal.id, frame, input),
    )
  }

  protected override opened(): void {
    this.look()
  }

  protected override closed(): void {
    this.look()
  }

  protected override returned(): void {
    this.look()
  }

  protected override async ring(timer: FiredTimer): Promise<void> {
    const { state } = this.book
    if (state === undefined) return
    const input = await toTimerInput(timer.name, state, {
      db: this.env.DB,
      present: () => this.#present,
      isJoined: (callId) =>
        isJoined(this.env.CALL_ROOM.getByName(callId) as unknown as CallRoomApi, state.id),
    })
    this.book.fire(timer, input)
  }

  /** Takes in what a person asked for, and shows what the desk is then. */
  protected ask({ id: actor }: Principal, input: DeskInput, context: DeskContext) {
    const body = { type: input.type }
    const taken = this.book.take({ actor, source: 'http', id: newId(), body, context }, input)
    this.log.end(`desk.${input.type}`, taken.ok, { user: actor, ...context })
    return this.book.shown(taken)
  }

  protected decide(
    principal: Principal,
    key: string | null,
    input: Extract<DeskInput, { type: 'accept' | 'reject' }>,
    context: DeskContext,
  ): Result<{ reservation: Reservation; replayed: boolean }, AgentDeskError> {
    if (!mayServe(principal)) return err({ code: 'forbidden' })
    const { id: actor } = principal
    const { type, reservationId } = input
    const body = { type, reservationId }
    const asked: Asked = { actor, source: 'http', id: key ?? newId(), body, context }
    const taken = this.book.take(asked, input)
    this.log.end(`desk.${type}`, taken.ok, { user: actor, reservationId, ...context })
    return this.book.decided(taken, input)
  }

  /** Takes in what another object tells. */
  protected note(
    actor: 'queue' | 'room',
    input: DeskInput,
    context: DeskContext,
  ): Result<null, AgentDeskError> {
    const noted = this.book.notice({ actor, source: 'service', context }, input)
    this.log.end(`desk.${input.type}`, noted.ok && noted.value, { ...context })
    return noted.ok ? ok(null) : noted
  }

  /** Takes in what the desk itself notices. @throws Error where the journal cannot keep it: it happens again */
  #happen(actor: string, input: DeskInput): void {
    const noted = this.book.notice({ actor, source: 'socket' }, input)
    if (!noted.ok) throw new Error(`The desk's journal answered ${noted.error.code}`)
  }

  get #present(): boolean {
    return isPresent(this.book.state?.isAgent === true, this.journal.sockets.principals)
  }

  /**
   * What no socket tells by itself: that this side closed it and its client does not answer, or that it lives on with
   * a token of more or fewer permissions.
   */
  protected look(): void {
    const type = this.#present ? 'connected' : 'disconnected'
    this.#happen(this.journal.name, { type })
  }

  /** Opens the desk of somebody who asks for it. */
  protected open({ kind, id }: Principal): Result<DeskState, AgentDeskError> {
    return kind === 'user' ? this.book.open(id) : err({ code: 'forbidden' })
  }
}

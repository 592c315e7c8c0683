import { type Call, closeCodes } from '@menagerie/contracts'
import { err, type JsonObject, newId, ok, type Principal, type Result } from '@menagerie/core'
import { type Decision, type FiredTimer, type JournalInput, timerInput } from '../journal/index.ts'
import { fail } from '../shared/journal-refusal.ts'
import { SocketObject } from '../shared/socket-object.ts'
import type { CallInput } from './call-inputs.ts'
import { hasEnded } from './call-phase.ts'
import { step } from './call-state.ts'
import type { CallState } from './call-types.ts'
import { toCall } from './call-view.ts'
import { addLegToPlacingTable, createPlacingTable, createPressingTable } from './carrier-desk.ts'
import { decisionOf, inputOf } from './decision.ts'
import { iceServersFor } from './ice-servers.ts'
import { roomDestinations } from './room-destinations.ts'
import { RoomLog } from './room-log.ts'
import type { CallContext, CallRoomEnv, CallRoomError } from './room-types.ts'
import { toTimerInput } from './timer-inputs.ts'
import { maySee } from './visibility.ts'

/** What the room does by itself: sockets that come and go, timers, and how anything at all gets into the journal. */
export abstract class RoomBase extends SocketObject<CallRoomEnv, CallState> {
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
        tell: (input) => this.happen('carrier', 'carrier', input),
      }),
      schema: [createPlacingTable, createPressingTable, addLegToPlacingTable],
    })
  }

  protected override snapshot(state: CallState, { id }: Principal) {
    const { ICE_SERVERS = '[]', TURN_SECRET } = this.env
    return {
      ...toCall(state, this.journal.head()?.seq ?? 0),
      iceServers: iceServersFor(
        id,
        ICE_SERVERS,
        TURN_SECRET,
        this.now(),
      ) as unknown as JsonObject[],
    }
  }

  protected override hasEnded(state: CallState): boolean {
    return hasEnded(state)
  }

  protected override opened(principal: Principal, connectionId: string): void {
    // Its ticket may be from before a removal: it is closed before its welcome.
    const { state } = this.journal
    if (state !== undefined && !maySee(principal, state)) {
      this.closeStrangers(state)
      return
    }
    const { id } = principal
    this.happen(id, 'socket', { type: 'user.present', userId: id, connectionId })
  }

  protected override closed({ id }: Principal): void {
    if (!this.isHere(id)) this.happen(id, 'socket', { type: 'user.absent', userId: id })
  }

  protected override returned(): void {
    const state = this.journal.state
    if (state === undefined || hasEnded(state)) return
    this.closeStrangers(state)
    for (const { kind, address, state: presence, absentSince, seen } of state.participants)
      if (
        kind === 'user' &&
        presence === 'joined' &&
        seen &&
        absentSince === null &&
        !this.isHere(address)
      )
        this.happen(address, 'socket', { type: 'user.absent', userId: address })
  }

  /** Takes in what the room itself notices. @throws Error where the journal cannot keep it: it happens again */
  protected happen(actor: string, source: string, input: CallInput): void {
    const taken = this.take({ actor, source, id: newId() }, input)
    if (!taken.ok) throw new Error(`The call's journal answered ${taken.error.code}`)
  }

  /** Takes in something that happened; what changes nothing is not written. True when it changed the call. */
  protected take(
    from: { actor: string; source: string; id: string; context?: CallContext },
    input: CallInput,
  ): Result<boolean, CallRoomError> {
    const state = this.journal.state
    if (state === undefined) return err({ code: 'not_found' })
    const trial = step(state, input, this.now())
    if (trial.state === state && trial.effects.length === 0) return ok(false)
    const { actor, source, id, context = {} } = from
    const asked = inputOf(actor, source, id, { type: input.type }, context)
    const applied = this.stepIn(asked, input)
    return applied.ok ? ok(!applied.value.replayed) : fail(applied.error)
  }

  /** Takes in what can be repeated or told by anybody. */
  protected stepIn(asked: JournalInput, input: CallInput) {
    return this.apply(asked, (state, now) =>
      decisionOf(step(state, input, now), null, asked.traceparent),
    )
  }

  protected apply<T>(
    asked: JournalInput,
    decide: (state: CallState, now: number) => Decision<CallState, T>,
  ) {
    const before = this.journal.state
    const applied = this.journal.apply(asked, decide)
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
    this.stepIn(timerInput(timer), input)
  }

  /** Whoever was taken out hears no more, supervisors neither. */
  protected closeRemoved(participantId: string): void {
    const one = this.journal.state?.participants.find(({ id }) => id === participantId)
    if (one?.removed !== true) return
    const { forbidden } = closeCodes
    this.journal.sockets.closeWhere(({ id }) => id === one.address, forbidden, 'removed')
  }

  /** Sockets of those who may not see the call: the object may have gone between a removal and their close. */
  protected closeStrangers(state: CallState): void {
    const strange = (principal: Principal) => !maySee(principal, state)
    this.journal.sockets.closeWhere(strange, closeCodes.forbidden, 'removed')
  }

  protected visible(principal: Principal): CallState | undefined {
    const state = this.journal.state
    return state !== undefined && maySee(principal, state) ? state : undefined
  }

  protected show(state: CallState): Call {
    return toCall(state, this.journal.head()?.seq ?? 0)
  }
}

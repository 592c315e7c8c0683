import type { Agent, Reservation } from '@menagerie/contracts'
import { err, type JsonObject, newId, ok, type Result } from '@menagerie/core'
import type { Journal } from '../journal/journal.ts'
import { timerInput } from '../journal/timers.ts'
import type {
  Applied,
  ClientFrame,
  FiredTimer,
  JournalInput,
  JournalStorage,
} from '../journal/types.ts'
import { fail } from '../shared/journal-refusal.ts'
import { type DeskOutcome, decisionOf } from './desk-decision.ts'
import type { QueueRow, RoomRow } from './desk-messages.ts'
import { rowChanged } from './desk-projection.ts'
import { beginDesk, stepDesk } from './desk-state.ts'
import type { DeskInput, DeskState, DeskTimerInput } from './desk-state-types.ts'
import { findReservation } from './desk-tables.ts'
import type { AgentDeskError, DeskContext } from './desk-types.ts'
import { toAgent } from './desk-view.ts'

const FIRST_AGAIN_MS = 500
const LAST_AGAIN_MS = 60_000
/** How long the list and the history wait for what changes next. */
const LATER_MS = 1_000

/** Who asks, through which door, and under which id. */
export interface Asked {
  actor: string
  source: 'http' | 'socket' | 'service'
  id: string
  /** What a repeat of the id must ask again. */
  body: JsonObject
  context?: DeskContext | undefined
}

export interface BookHost {
  journal: () => Pick<Journal<DeskState>, 'state' | 'create' | 'apply' | 'head'>
  exec: JournalStorage['exec']
  now: () => number
}

/** A desk's rules on its journal: each input is one transaction of everything it leads to. */
export class DeskBook {
  readonly #host: BookHost
  // Both are caches: without them one message more leaves.
  #listWaits = false
  #laterAt = 0

  constructor(host: BookHost) {
    this.#host = host
  }

  /** `undefined` for a desk that was never opened. */
  get state(): DeskState | undefined {
    return this.#host.journal().state
  }

  /** The desk for its row of the list, which is written now: what changes from here on needs another row. */
  takeListed(): DeskState | undefined {
    this.#listWaits = false
    return this.state
  }

  /** Opens the desk of an account; once it is open, nothing happens. */
  open(id: string): Result<DeskState, AgentDeskError> {
    const { state } = this
    if (state !== undefined) return ok(state)
    const opening = { actor: id, source: 'service', id: 'open', body: {} }
    const opened = this.#host.journal().create(id, opening, (now) => ({
      state: beginDesk(id, now),
      events: [],
      outcome: null,
    }))
    return opened.ok ? this.open(id) : fail(opened.error)
  }

  /** Takes in what was asked; the same id gets the same outcome. @param created what a new reservation is about */
  take(
    { context, ...asked }: Asked,
    input: DeskInput,
    created?: Reservation,
  ): Result<Applied<DeskOutcome>, AgentDeskError> {
    const traceparent = context?.traceparent
    const traced = traceparent === undefined ? asked : { ...asked, traceparent }
    const applied = this.#apply(traced, input, created)
    return applied.ok ? applied : fail(applied.error)
  }

  /** Takes in what happened; what changes nothing is not written. True when it was. */
  notice(
    from: Pick<Asked, 'actor' | 'source' | 'context'>,
    input: DeskInput,
  ): Result<boolean, AgentDeskError> {
    const { state } = this
    if (state === undefined) return ok(false)
    const trial = stepDesk(state, input, this.#host.now())
    if (trial.state === state && trial.effects.length === 0) return ok(false)
    const taken = this.take({ ...from, id: newId(), body: { type: input.type } }, input)
    return taken.ok ? ok(true) : taken
  }

  /** Takes in what a timer means. One that was cancelled or set anew in the meantime has nothing to say. */
  fire(timer: FiredTimer, input: DeskTimerInput): void {
    this.#apply(timerInput(timer), input)
  }

  /** Takes in what a frame asks for; gives the number of its write, which a repeat gets again. */
  hear(
    actor: string,
    frame: ClientFrame,
    input: DeskInput,
  ): Result<{ seq: number }, AgentDeskError> {
    const { id = newId(), type, data } = frame
    const taken = this.take(
      { actor, source: 'socket', id, body: { type, data }, context: frame },
      input,
    )
    if (!taken.ok) return taken
    const { outcome, lastSeq } = taken.value
    if (outcome.refusal !== null) return err({ code: outcome.refusal })
    return ok({ seq: lastSeq === 0 ? outcome.seq : lastSeq })
  }

  /** Has rows sent again after a while: half a second, then twice as long each time. */
  again(destination: 'queue' | 'room', rows: readonly (QueueRow | RoomRow)[]): void {
    const asked = { actor: 'outbox', source: 'service', id: newId(), body: { type: 'again' } }
    const kept = this.#host.journal().apply(asked, (state, now) => ({
      state,
      events: [],
      outcome: null,
      outbox: () =>
        rows.map(({ attempts = 0, ...row }, index) => ({
          id: `agents/${state.id}:again:${asked.id}.${index}@${destination}`,
          destination,
          body: { ...row, attempts: attempts + 1 },
          dueAt: now + Math.min(FIRST_AGAIN_MS * 2 ** attempts, LAST_AGAIN_MS),
        })),
    }))
    if (!kept.ok) throw new Error(`The desk's journal answered ${kept.error.code}`)
  }

  /** The desk as it is seen. */
  show(state: DeskState): Agent {
    return toAgent(state, (id) => this.document(id), this.#head())
  }

  /** What a reservation was about when it was made. */
  document(id: string): Reservation | undefined {
    return findReservation(this.#host.exec, id)
  }

  /** The desk after something was asked. */
  shown(taken: Result<Applied<DeskOutcome>, AgentDeskError>): Result<Agent, AgentDeskError> {
    if (!taken.ok) return taken
    const { refusal } = taken.value.outcome
    const { state } = this
    if (refusal !== null || state === undefined) return err({ code: refusal ?? 'not_found' })
    return ok(this.show(state))
  }

  /** The reservation after the agent decided on it, as it was then: a repeat gets what the first one got. */
  decided(
    taken: Result<Applied<DeskOutcome>, AgentDeskError>,
    { type, reservationId }: { type: 'accept' | 'reject'; reservationId: string },
  ): Result<{ reservation: Reservation; replayed: boolean }, AgentDeskError> {
    if (!taken.ok) return taken
    const { outcome, replayed } = taken.value
    if (outcome.refusal !== null) return err({ code: outcome.refusal })
    const document = this.document(reservationId)
    if (document === undefined) return err({ code: 'not_found' })
    const state = type === 'accept' ? 'accepted' : 'rejected'
    return ok({ reservation: { ...document, state }, replayed })
  }

  #apply(asked: JournalInput, input: DeskInput, created?: Reservation) {
    let lists = false
    const applied = this.#host.journal().apply<DeskOutcome>(asked, (state, now) => {
      const step = stepDesk(state, input, now)
      lists = rowChanged(state, step.state)
      // A clock that was set back must not hold anything for longer.
      if (this.#laterAt <= now || this.#laterAt > now + LATER_MS) this.#laterAt = now + LATER_MS
      return decisionOf(this.#host.exec, state, step, {
        seq: this.#head(),
        created,
        traceparent: asked.traceparent,
        listWaits: this.#listWaits,
        laterAt: this.#laterAt,
      })
    })
    if (applied.ok && lists) this.#listWaits = true
    return applied
  }

  #head(): number {
    return this.#host.journal().head()?.seq ?? 0
  }
}

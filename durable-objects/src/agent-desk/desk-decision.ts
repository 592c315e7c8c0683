import type { Reservation } from '@menagerie/contracts'
import type { JsonObject } from '@menagerie/core'
import type { Decision, JournalStorage } from '../journal/index.ts'
import { messagesOf, type Sending } from './desk-messages.ts'
import type { DeskState, DeskStep } from './desk-state-types.ts'
import { saveReservation } from './desk-tables.ts'

/** What was asked led to, kept for its repeats. */
export interface DeskOutcome {
  refusal: NonNullable<DeskStep['refusal']> | null
  /** The desk's newest number before; the repeat of a write that made no event is acknowledged with it. */
  seq: number
  version: number
}

/** A step in the journal's words: everything it leads to is saved together. */
export function decisionOf(
  exec: JournalStorage['exec'],
  before: DeskState,
  step: DeskStep,
  options: Sending & { seq: number; created?: Reservation | undefined },
): Decision<DeskState, DeskOutcome> {
  const { state, events, effects, refusal } = step
  const { seq, created } = options
  const kept = state.reservations.map(({ id }) => id)
  const isNew = created !== undefined && events.some(({ type }) => type === 'reservation.created')
  return {
    state,
    events: events.map(({ type, data }) => ({
      type,
      data:
        type === 'reservation.created' && created !== undefined
          ? { reservation: created as unknown as JsonObject }
          : data,
    })),
    outcome: { refusal: refusal ?? null, seq, version: state.version },
    outbox: (numbered) => messagesOf(before, state, numbered, effects, options),
    timers: effects.filter(
      (effect) => effect.type === 'timer.set' || effect.type === 'timer.cancel',
    ),
    ...(isNew ? { save: () => saveReservation(exec, created, kept) } : {}),
  }
}

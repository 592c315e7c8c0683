import { activityOf, onContact, standingText } from './desk-standing.ts'
import type { Change, DeskEffect, DeskState, DeskStep } from './desk-state-types.ts'

/** The change that changes nothing. */
export const unchanged = (state: DeskState): Change => ({
  state,
  events: [],
  effects: [],
  reason: null,
})

/** One change after another. */
export function andThen(change: Change, more: (state: DeskState) => Change): Change {
  const next = more(change.state)
  return {
    state: next.state,
    events: [...change.events, ...next.events],
    effects: [...change.effects, ...next.effects],
    reason: next.reason ?? change.reason,
  }
}

/**
 * What follows from a change by itself: the activity that was chosen for afterwards, the activity that is shown, the
 * version, and who must be told.
 *
 * @param now milliseconds since the epoch
 */
export function settle(before: DeskState, change: Change, now: number): DeskStep {
  const { events, effects, refusal, askedBy } = change
  if (change.state === before)
    return refusal === undefined
      ? { state: before, events, effects }
      : { state: before, events, effects, refusal }
  let { state, reason } = change
  if (state.next !== null && state.work === null && !onContact(state)) {
    reason = state.next.reason === 'chosen' ? reason : state.next.reason
    state = { ...state, choice: state.next.name, next: null }
  }
  const name = activityOf(state)
  const { name: previous, since } = before.activity
  const readyAgain =
    (onContact(before) && !onContact(state)) ||
    (before.work !== null && state.work === null) ||
    (state.choice === 'available' && before.choice !== 'available')
  state = {
    ...state,
    activity: { name, since: name === previous ? since : now },
    idleSince: readyAgain ? now : state.idleSince,
    version: before.version + 1,
  }
  const told = [...events]
  if (name !== previous || state.next?.name !== before.next?.name)
    told.push({
      type: 'agent.activity',
      data: {
        name,
        previous,
        next: state.next?.name ?? null,
        until: state.work === null ? null : new Date(state.work.until).toISOString(),
        reason,
      },
    })
  return {
    state,
    events: told,
    effects: [...effects, ...standings(before, state, effects, askedBy)],
  }
}

/** Queues that must be told, and are not told anyway. */
function standings(
  before: DeskState,
  state: DeskState,
  effects: readonly DeskEffect[],
  askedBy: string | undefined,
): DeskEffect[] {
  const changed = standingText(before) !== standingText(state)
  const told = effects.flatMap((one) => (one.type === 'queue.standing' ? one.queueId : []))
  return [...new Set([...before.serves, ...state.serves])]
    .filter((id) => changed || before.serves.includes(id) !== state.serves.includes(id))
    .filter((id) => id !== askedBy && !told.includes(id))
    .map((queueId) => ({ type: 'queue.standing', queueId }))
}

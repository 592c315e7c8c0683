import { unchanged } from './desk-settle.ts'
import { onContact } from './desk-standing.ts'
import type { Change, ChosenActivity, DeskEffect, DeskState } from './desk-state-types.ts'

/**
 * An activity was chosen: follows at once, or when the contacts at hand and the work after them are over. Choosing
 * during after-contact work ends that work.
 *
 * @param reason what the event gives as its cause
 */
export function choose(
  state: DeskState,
  name: ChosenActivity,
  reason: string,
  now: number,
): Change {
  const known = { ...state, isAgent: true, missed: 0 }
  const effects: DeskEffect[] =
    name === 'available' ? [{ type: 'timer.set', name: 'queues', at: now }] : []
  if (onContact(state)) {
    if (state.next?.name === name) return { ...unchanged(state), reason }
    return { ...unchanged({ ...known, next: { name, reason } }), effects, reason }
  }
  const rested = endWork(known, now)
  const same = state.isAgent && state.work === null && state.choice === name && state.missed === 0
  if (same) return { ...unchanged(state), effects, reason }
  return {
    ...rested,
    state: { ...rested.state, choice: name, next: null },
    effects: [...rested.effects, ...effects],
    reason,
  }
}

/** After-contact work begins, or its time starts anew. */
export function beginWork(state: DeskState, callId: string, now: number): Change {
  const rested = endWork(state, now)
  const until = now + state.profile.wrapUpSeconds * 1000
  return {
    state: { ...rested.state, work: { callId, since: now, until } },
    events: [],
    effects: [...rested.effects, { type: 'timer.set', name: 'work', at: until }],
    reason: 'contact_ended',
  }
}

/** After-contact work is over, if there is any: the call's record learns how long it took. */
export function endWork(state: DeskState, now: number): Change {
  const { work } = state
  if (work === null) return unchanged(state)
  const seconds = Math.max(0, Math.round((Math.min(now, work.until) - work.since) / 1000))
  return {
    state: { ...state, work: null },
    events: [],
    effects: [
      { type: 'timer.cancel', name: 'work' },
      { type: 'room.work', callId: work.callId, seconds, at: work.since },
    ],
    reason: 'work_over',
  }
}

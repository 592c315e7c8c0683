import { hasEnded, unchanged } from './call-phase.ts'
import type { CallState, Step } from './call-types.ts'
import { join, leave } from './participants.ts'

/** How long somebody whose last socket has gone still counts as in the call. */
export const GONE_MS = 15_000

/** A user's socket is there: joins, or has never been away. */
export function present(state: CallState, userId: string, now: number): Step {
  if (hasEnded(state)) return unchanged(state)
  const back = state.participants.filter((one) => isUser(userId)(one) && one.absentSince !== null)
  const { participants, events } = join(state.participants, isUser(userId), now)
  if (back.length === 0 && events.length === 0) return unchanged(state)
  const here = participants.map((one) => (back.includes(one) ? { ...one, absentSince: null } : one))
  const effects = back.map(({ id }) => ({ type: 'timer.cancel', name: `gone:${id}` }) as const)
  return { state: { ...state, participants: here }, events, effects }
}

/** A user's last socket has gone: leaves unless one is back in time. */
export function absent(state: CallState, userId: string, now: number): Step {
  const away = state.participants.filter(
    (one) => isUser(userId)(one) && one.state === 'joined' && one.absentSince === null,
  )
  if (hasEnded(state) || away.length === 0) return unchanged(state)
  const participants = state.participants.map((one) =>
    away.includes(one) ? { ...one, absentSince: now } : one,
  )
  const effects = away.map(
    ({ id }) => ({ type: 'timer.set', name: `gone:${id}`, at: now + GONE_MS }) as const,
  )
  return { state: { ...state, participants }, events: [], effects }
}

/** The time of an absent participant is up. */
export function gone(
  state: CallState,
  participantId: string,
  isPresent: boolean,
  now: number,
): Step {
  if (hasEnded(state)) return unchanged(state)
  if (isPresent) {
    const participants = state.participants.map((one) =>
      one.id === participantId ? { ...one, absentSince: null } : one,
    )
    return { ...unchanged(state), state: { ...state, participants } }
  }
  const { participants, events } = leave(state.participants, ({ id }) => id === participantId, now)
  return { state: { ...state, participants }, events, effects: [] }
}

const isUser = (userId: string) => (participant: { kind: string; address: string }) =>
  participant.kind === 'user' && participant.address === userId

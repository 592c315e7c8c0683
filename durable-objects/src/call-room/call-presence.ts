import { rangLate } from '../journal/timers.ts'
import type { Step } from './call-outputs.ts'
import {
  chain,
  effects,
  hasEnded,
  type Move,
  order,
  participantOf,
  unchanged,
} from './call-phase.ts'
import type { CallState } from './call-types.ts'
import { legOf, noteLeg } from './legs.ts'
import { join, leave, note, update } from './participants.ts'
import { parted } from './parting.ts'
import { audible, isRung, putThrough } from './ringing.ts'

/** How long somebody whose last socket has gone still counts as in the call. */
export const GONE_MS = 15_000

/** A user's socket is there: joins, is back, or sees the call ring. */
export function present(
  state: CallState,
  userId: string,
  connectionId: string | undefined,
  now: number,
): Step {
  const one = participantOf(state, userId)
  if (one === undefined || hasEnded(state)) return unchanged(state)
  if (isRung(state, userId)) return audible(state, now)
  const device = connectionId ?? null
  if (one.state !== 'joined') {
    if (one.entry !== 'socket') return unchanged(state)
    const joined = join(({ id }) => id === one.id, now, { connectionId: device, seen: true })
    return chain(state, joined, putThrough(one.id))
  }
  const isBack = one.absentSince !== null
  if (!isBack && one.seen && one.connectionId !== null) return unchanged(state)
  return chain(
    state,
    ...(isBack ? [effects({ type: 'timer.cancel', name: `gone:${one.id}` })] : []),
    ...(isBack || !one.seen ? [note(one.id, { absentSince: null, seen: true })] : []),
    ...(device === null ? [] : [update(one.id, { connectionId: device })]),
    // The carrier may not have noticed that the browser was gone; what it is connected with stays so.
    ...(isBack && state.leg.connectedTo !== one.id ? [putThrough(one.id)] : []),
    ...(isBack ? [askAgain(one.id)] : []),
  )
}

/** The telephone that they ask heard nobody while their browser could not be dialled. */
const askAgain =
  (participantId: string): Move =>
  (state) => {
    const { transfer } = state
    const leg = legOf(state, transfer?.leg ?? '')
    if (transfer?.by !== participantId || leg === undefined) return unchanged(state)
    if (leg.connects || leg.ending || !leg.answered) return unchanged(state)
    return chain(
      state,
      noteLeg(leg.id, { connects: true }),
      order({ type: 'carrier.redirect', leg: leg.id }),
    )
  }

/** A user's last socket has gone: leaves unless one is back in time. */
export function absent(state: CallState, userId: string, now: number): Step {
  const one = participantOf(state, userId)
  if (one?.state !== 'joined' || one.absentSince !== null || hasEnded(state))
    return unchanged(state)
  return chain(
    state,
    note(one.id, { absentSince: now }),
    effects({ type: 'timer.set', name: `gone:${one.id}`, at: now + GONE_MS }),
  )
}

/** The time of an absent participant is up. */
export function gone(
  state: CallState,
  participantId: string,
  isPresent: boolean,
  now: number,
): Step {
  const one = state.participants.find(({ id }) => id === participantId)
  if (hasEnded(state) || one === undefined) return unchanged(state)
  if (isPresent) return note(participantId, { absentSince: null })(state)
  if (one.state !== 'joined') return unchanged(state)
  // Nobody could come back during an outage.
  if (one.absentSince !== null && rangLate(one.absentSince + GONE_MS, now))
    return chain(
      state,
      note(participantId, { absentSince: now }),
      effects({ type: 'timer.set', name: `gone:${participantId}`, at: now + GONE_MS }),
    )
  return goes(participantId, now)(state)
}

/** Lets a participant go, with all that follows. An agent who was found through a queue comes back through it only. */
export const goes =
  (participantId: string, now: number, more: { entry?: 'none'; removed?: boolean } = {}): Move =>
  (state) => {
    const one = state.participants.find(({ id }) => id === participantId)
    if (one === undefined) return unchanged(state)
    const entry = one.queueId === null ? one.entry : 'none'
    return chain(
      state,
      leave(({ id }) => id === participantId, now),
      note(participantId, { entry, ...more }),
      // Whoever was not in, or has left before, leaves nobody alone.
      ...(one.state === 'joined' ? [parted(one, now)] : []),
    )
  }

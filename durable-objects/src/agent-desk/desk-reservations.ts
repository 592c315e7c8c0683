import { rangLate } from '../journal/timers.ts'
import { choose } from './desk-activity.ts'
import { andThen, unchanged } from './desk-settle.ts'
import { freeOf } from './desk-standing.ts'
import type {
  Change,
  DeskEffect,
  DeskInput,
  DeskReservation,
  DeskState,
} from './desk-state-types.ts'

/** How many that have ended are kept. */
const KEPT = 20
const MAX_CANCELED = 50
/** How long the room has to tell of an agent's joining before it is asked. */
export const JOIN_MS = 30_000
/** Reservations in a row that may run out; then the agent seems not to be there. */
export const MISSED_LIMIT = 3

type Reserve = Extract<DeskInput, { type: 'reserve' }>

/** Keeps a contact for the agent; `conflict` when that cannot be now. A known id acts once. */
export function reserve(state: DeskState, command: Reserve, now: number): Change {
  const { reservationId, callId, queueId, offer, skills, expiresAt } = command
  if (find(state, reservationId) !== undefined) return unchanged(state)
  const fits =
    freeOf(state) > 0 &&
    expiresAt > now &&
    state.serves.includes(queueId) &&
    skills.every((skill) => state.profile.skills.includes(skill)) &&
    !state.canceled.includes(reservationId) &&
    !state.contacts.some((contact) => contact.callId === callId) &&
    !state.reservations.some((one) => one.callId === callId && takesPlace(one))
  if (!fits) return { ...unchanged(state), refusal: 'conflict' }
  const reservation: DeskReservation = {
    id: reservationId,
    callId,
    queueId,
    offer,
    state: 'pending',
    createdAt: now,
    expiresAt,
    endedAt: null,
    holds: false,
    confirmed: false,
  }
  return {
    state: { ...state, reservations: keep([...state.reservations, reservation]) },
    events: [{ type: 'reservation.created', data: { id: reservationId } }],
    effects: [{ type: 'timer.set', name: `reservation:${reservationId}`, at: expiresAt }],
    reason: null,
    askedBy: queueId,
  }
}

/** The agent takes the contact: the room decides between two who do so at once. */
export function acceptReservation(
  state: DeskState,
  id: string,
  connectionId: string | null,
  now: number,
): Change {
  const known = find(state, id)
  if (known === undefined) return { ...unchanged(state), refusal: 'not_found' }
  if (known.state !== 'pending' || known.expiresAt <= now)
    return { ...unchanged(state), refusal: 'conflict' }
  const { callId, queueId, offer } = known
  return {
    state: {
      ...replace(state, { ...known, state: 'accepted', endedAt: now, holds: true }),
      missed: 0,
    },
    events: [{ type: 'reservation.accepted', data: { id, connectionId } }],
    effects: [
      { type: 'timer.cancel', name: `reservation:${id}` },
      { type: 'timer.set', name: `unjoined:${id}`, at: now + JOIN_MS },
      { type: 'room.accepted', callId, offer, reservationId: id, queueId, at: now },
      { type: 'queue.ended', queueId, reservationId: id, outcome: 'accepted', at: now },
    ],
    reason: 'capacity',
  }
}

/** The agent leaves the contact to the next one. */
export function rejectReservation(state: DeskState, id: string, now: number): Change {
  const known = find(state, id)
  if (known === undefined) return { ...unchanged(state), refusal: 'not_found' }
  if (known.state !== 'pending' || known.expiresAt <= now)
    return { ...unchanged(state), refusal: 'conflict' }
  return end({ ...state, missed: 0 }, known, 'rejected', 'rejected', now)
}

/** Every pending contact goes to the next agent. */
export const rejectAll = (state: DeskState, reason: string, now: number): Change =>
  state.reservations
    .filter((one) => one.state === 'pending')
    .reduce<Change>(
      (change, one) => andThen(change, (later) => end(later, one, 'rejected', reason, now)),
      unchanged(state),
    )

/** Nobody took the contact in time. */
export function reservationTimeout(state: DeskState, id: string, now: number): Change {
  const known = find(state, id)
  if (known?.state !== 'pending') return unchanged(state)
  // What ran out in an outage could not be taken: it says nothing of the agent.
  const missed = rangLate(known.expiresAt, now) ? state.missed : state.missed + 1
  const ended = end({ ...state, missed }, known, 'timeout', null, now)
  if (missed < MISSED_LIMIT) return ended
  // At once, also beside another contact: whoever misses three is not looking.
  const away = andThen(ended, (later) => rejectAll(later, 'missed_reservations', now))
  const { contacts, work } = away.state
  if (contacts.length > 0 || work !== null || away.state.reservations.some(({ holds }) => holds))
    return {
      ...away,
      state: { ...away.state, missed: 0, next: null, choice: 'break' },
      reason: 'missed_reservations',
    }
  return andThen(away, (later) => choose(later, 'break', 'missed_reservations', now))
}

/** The contact is gone. One whose cancellation comes first is remembered, and refused when it comes. */
export function cancelReservation(
  state: DeskState,
  id: string,
  reason: string,
  now: number,
): Change {
  const known = find(state, id)
  if (known === undefined) {
    if (state.canceled.includes(id)) return unchanged(state)
    return unchanged({ ...state, canceled: [...state.canceled, id].slice(-MAX_CANCELED) })
  }
  return known.state === 'pending' ? cancel(state, known, reason, now) : unchanged(state)
}

/** The room gave the call to somebody else. */
export function acceptanceLate(state: DeskState, id: string, now: number): Change {
  const known = find(state, id)
  return known?.holds === true ? cancel(state, known, 'gone', now) : unchanged(state)
}

/** The room has taken the acceptance: it will tell of the agent's joining. */
export function acceptanceTaken(state: DeskState, id: string): Change {
  const known = find(state, id)
  if (known?.holds !== true || known.confirmed) return unchanged(state)
  return unchanged(replace(state, { ...known, confirmed: true }))
}

/**
 * The room has not told of the agent's joining for a while. The place is given free only when the room had taken the
 * acceptance and says that the agent is not in the call: before that the agent may still be let in.
 *
 * @param joined what the room says; `null` when it was not asked
 */
export function unjoined(
  state: DeskState,
  id: string,
  joined: boolean | null,
  now: number,
): Change {
  const known = find(state, id)
  if (known?.holds !== true) return unchanged(state)
  if (known.confirmed && joined === false) return { ...release(state, known.callId), reason: null }
  return {
    ...unchanged(state),
    effects: [{ type: 'timer.set', name: `unjoined:${id}`, at: now + JOIN_MS }],
  }
}

/** The place of an accepted contact is the call's own from now on, or free. */
export function release(state: DeskState, callId: string): Change {
  const held = state.reservations.filter((one) => one.holds && one.callId === callId)
  if (held.length === 0) return unchanged(state)
  return {
    state: {
      ...state,
      reservations: keep(
        state.reservations.map((one) => (held.includes(one) ? { ...one, holds: false } : one)),
      ),
    },
    events: [],
    effects: held.map(({ id }) => ({ type: 'timer.cancel', name: `unjoined:${id}` })),
    reason: null,
  }
}

export const find = (state: DeskState, id: string): DeskReservation | undefined =>
  state.reservations.find((one) => one.id === id)

const takesPlace = (one: DeskReservation): boolean => one.state === 'pending' || one.holds

function end(
  state: DeskState,
  one: DeskReservation,
  outcome: 'rejected' | 'timeout',
  reason: string | null,
  now: number,
): Change {
  const { id, queueId } = one
  return {
    state: replace(state, { ...one, state: outcome, endedAt: now }),
    events: [{ type: `reservation.${outcome}`, data: { id, reason } }],
    effects: [
      { type: 'timer.cancel', name: `reservation:${id}` },
      { type: 'queue.ended', queueId, reservationId: id, outcome, at: now },
    ],
    reason: null,
  }
}

function cancel(state: DeskState, one: DeskReservation, reason: string, now: number): Change {
  const { id, holds } = one
  const timer: DeskEffect = {
    type: 'timer.cancel',
    name: holds ? `unjoined:${id}` : `reservation:${id}`,
  }
  return {
    state: replace(state, { ...one, state: 'canceled', endedAt: now, holds: false }),
    events: [{ type: 'reservation.canceled', data: { id, reason } }],
    effects: [timer],
    reason: holds ? 'contact_gone' : null,
  }
}

const replace = (state: DeskState, one: DeskReservation): DeskState => ({
  ...state,
  reservations: keep(state.reservations.map((other) => (other.id === one.id ? one : other))),
})

/** Those that take a place, and the newest of the others. */
function keep(reservations: DeskReservation[]): DeskReservation[] {
  const over = reservations.filter((one) => !takesPlace(one)).slice(0, -KEPT)
  return over.length === 0 ? reservations : reservations.filter((one) => !over.includes(one))
}

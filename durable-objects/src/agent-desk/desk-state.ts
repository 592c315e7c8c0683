import { rangLate } from '../journal/timers.ts'
import { choose, endWork } from './desk-activity.ts'
import { presence, ring, stopRing } from './desk-calls.ts'
import {
  acceptanceLate,
  acceptanceTaken,
  acceptReservation,
  cancelReservation,
  rejectAll,
  rejectReservation,
  reservationTimeout,
  reserve,
  unjoined,
} from './desk-reservations.ts'
import { andThen, settle, unchanged } from './desk-settle.ts'
import type {
  Change,
  ChosenActivity,
  DeskInput,
  DeskProfile,
  DeskState,
  DeskStep,
} from './desk-state-types.ts'

/** How long an account whose last socket has gone still counts as connected: a refresh takes less. */
export const AWAY_MS = 15_000

export const defaultProfile: DeskProfile = {
  displayName: null,
  skills: [],
  queueIds: null,
  capacity: 1,
  wrapUpSeconds: 30,
}

/** A new desk: offline, and no agent until somebody says so. @param now milliseconds since the epoch */
export const beginDesk = (id: string, now: number): DeskState => ({
  id,
  isAgent: false,
  profile: defaultProfile,
  choice: 'offline',
  next: null,
  work: null,
  activity: { name: 'offline', since: now },
  connected: false,
  awaySince: null,
  contacts: [],
  left: [],
  reservations: [],
  canceled: [],
  ringing: [],
  silenced: [],
  serves: [],
  idleSince: now,
  missed: 0,
  version: 1,
})

/**
 * The rules of a desk: plain data in, plain data out. A step that changes nothing gives the same state back.
 *
 * @param now milliseconds since the epoch
 */
export const stepDesk = (state: DeskState, input: DeskInput, now: number): DeskStep =>
  settle(state, changeOf(state, input, now), now)

function changeOf(state: DeskState, input: DeskInput, now: number): Change {
  switch (input.type) {
    case 'configure':
      return configure(state, input.profile, now)
    case 'choose':
      if (input.name === 'after-contact-work')
        return state.work === null ? { ...unchanged(state), refusal: 'conflict' } : unchanged(state)
      return leaving(state, input.name, 'chosen', now)
    case 'sign-out':
      return leaving(state, 'offline', 'signed_out', now)
    case 'reserve':
      return reserve(state, input, now)
    case 'cancel-reservation':
      return cancelReservation(state, input.reservationId, input.reason, now)
    case 'accept':
      return acceptReservation(state, input.reservationId, input.connectionId, now)
    case 'reject':
      return rejectReservation(state, input.reservationId, now)
    case 'acceptance-taken':
      return acceptanceTaken(state, input.reservationId)
    case 'acceptance-late':
      return acceptanceLate(state, input.reservationId, now)
    case 'ring':
      return ring(state, input.call, now)
    case 'stop-ring':
      return stopRing(state, input.callId, input.status, now)
    case 'presence':
      return presence(state, input, now)
    case 'connected':
      if (state.connected && state.awaySince === null) return unchanged(state)
      return {
        ...unchanged({ ...state, connected: true, awaySince: null }),
        effects: [
          { type: 'timer.cancel', name: 'away' },
          ...(state.connected || !state.isAgent ? [] : [readQueues(now)]),
        ],
      }
    case 'disconnected':
      if (!state.connected || state.awaySince !== null) return unchanged(state)
      return away(state, now)
    case 'queues-changed':
      return state.isAgent ? { ...unchanged(state), effects: [readQueues(now)] } : unchanged(state)
    case 'timer.reservation':
      return reservationTimeout(state, input.reservationId, now)
    case 'timer.work':
      return endWork(state, now)
    case 'timer.away':
      if (!state.connected || state.awaySince === null) return unchanged(state)
      if (input.present) return unchanged({ ...state, awaySince: null })
      // Nobody could come back during an outage.
      if (rangLate(state.awaySince + AWAY_MS, now)) return away(state, now)
      // Nobody sees what is pending: the next agent gets it at once.
      return andThen(unchanged({ ...state, connected: false, awaySince: null }), (later) =>
        rejectAll(later, 'disconnected', now),
      )
    case 'timer.ring':
      return stopRing(state, input.callId, 'no-answer', now)
    case 'timer.unjoined':
      return unjoined(state, input.reservationId, input.joined, now)
    case 'timer.queues':
      return serve(state, input.queueIds)
  }
}

/** The last socket has gone: the time to come back begins. */
const away = (state: DeskState, now: number): Change => ({
  ...unchanged({ ...state, awaySince: now }),
  effects: [{ type: 'timer.set', name: 'away', at: now + AWAY_MS }],
})

const readQueues = (now: number) => ({ type: 'timer.set', name: 'queues', at: now }) as const

/** A choice; whoever will not take contacts leaves what is pending to the next agent. */
const leaving = (state: DeskState, name: ChosenActivity, reason: string, now: number): Change =>
  name === 'available'
    ? choose(state, name, reason, now)
    : andThen(rejectAll(state, reason === 'chosen' ? 'leaving' : reason, now), (later) =>
        choose(later, name, reason, now),
      )

function configure(state: DeskState, profile: DeskProfile, now: number): Change {
  if (state.isAgent && JSON.stringify(state.profile) === JSON.stringify(profile))
    return { ...unchanged(state), effects: [readQueues(now)] }
  return {
    state: { ...state, isAgent: true, profile },
    events: [{ type: 'agent.configured', data: { ...profile } }],
    effects: [readQueues(now)],
    reason: 'capacity',
  }
}

/** All queues are told anew, since one of them may not have been there before. */
function serve(state: DeskState, queueIds: readonly string[]): Change {
  const serves = [...queueIds]
  const kept = serves.filter((id) => state.serves.includes(id))
  return {
    ...unchanged({ ...state, serves }),
    effects: kept.map((queueId) => ({ type: 'queue.standing', queueId })),
  }
}

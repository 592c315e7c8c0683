import { beginWork, endWork } from './desk-activity.ts'
import { release } from './desk-reservations.ts'
import { andThen, unchanged } from './desk-settle.ts'
import { onContact } from './desk-standing.ts'
import type { Change, DeskInput, DeskRinging, DeskState } from './desk-state-types.ts'

/** How long a call that was left is remembered: what its room tells later than this cannot be about the past. */
const LEFT_KEPT_MS = 60 * 60_000
const MAX_LEFT = 200
const MAX_RINGING = 20

type Presence = Extract<DeskInput, { type: 'presence' }>

/** A room tells whether the account takes part in its call: the newest number counts, whatever comes when. */
export function presence(state: DeskState, told: Presence, now: number): Change {
  const { callId, seq } = told
  const contact = state.contacts.find((one) => one.callId === callId)
  const gone = state.left.find((one) => one.callId === callId)
  if (seq <= Math.max(contact?.seq ?? 0, gone?.seq ?? 0)) return unchanged(state)
  return told.state === 'joined' ? joined(state, told, now) : left(state, told, now)
}

function joined(state: DeskState, { callId, seq, queueId, at }: Presence, now: number): Change {
  const known = state.contacts.find((one) => one.callId === callId)
  const contact = { callId, queueId, since: known?.since ?? at, seq }
  const contacts = [...state.contacts.filter((one) => one.callId !== callId), contact]
  const here: Change = {
    ...unchanged({
      ...state,
      contacts,
      left: state.left.filter((one) => one.callId !== callId),
    }),
    reason: 'capacity',
  }
  const placed = andThen(here, (later) => release(later, callId))
  // Another contact of a queue ends the work after the one before.
  return queueId === null ? placed : andThen(placed, (later) => endWork(later, now))
}

function left(state: DeskState, { callId, seq, queueId, at }: Presence, now: number): Change {
  const contact = state.contacts.find((one) => one.callId === callId)
  // An acceptance that the room had taken before: the joining was overtaken by the leaving. An older leaving, of a
  // stay before, gives no place free.
  const held = state.reservations.some(
    (one) => one.holds && one.callId === callId && one.confirmed && at >= (one.endedAt ?? 0),
  )
  const over: Change = {
    ...unchanged({
      ...state,
      contacts: state.contacts.filter((one) => one.callId !== callId),
      left: [
        ...state.left.filter((one) => one.callId !== callId && one.at > now - LEFT_KEPT_MS),
        { callId, seq, at: now },
      ].slice(-MAX_LEFT),
    }),
    reason: 'contact_ended',
  }
  const freed = held ? andThen(over, (later) => release(later, callId)) : over
  const ofQueue = (queueId ?? contact?.queueId ?? null) !== null
  const { profile, choice } = state
  const works =
    ofQueue && (contact !== undefined || held) && profile.wrapUpSeconds > 0 && choice !== 'offline'
  return works && !onContact(freed.state)
    ? andThen(freed, (later) => beginWork(later, callId, now))
    : freed
}

/** A call rings at the account's devices. A repeat, or one that was stopped, changes nothing. */
export function ring(state: DeskState, call: DeskRinging, now: number): Change {
  const { callId, direction, from, to, expiresAt } = call
  const known = state.ringing.find((one) => one.callId === callId)
  const silenced = state.silenced.some((one) => one.callId === callId && one.expiresAt >= expiresAt)
  if (expiresAt <= now || silenced || (known?.expiresAt ?? 0) >= expiresAt) return unchanged(state)
  if (known === undefined && state.ringing.length >= MAX_RINGING) return unchanged(state)
  return {
    state: {
      ...state,
      ringing: [...state.ringing.filter((one) => one.callId !== callId), call],
    },
    events: [
      {
        type: 'call.status',
        data: {
          callId,
          status: 'ringing',
          direction,
          from,
          to,
          expiresAt: new Date(expiresAt).toISOString(),
        },
      },
    ],
    effects: [{ type: 'timer.set', name: `ring:${callId}`, at: expiresAt }],
    reason: null,
  }
}

/** It rings no more; `status` tells why. */
export function stopRing(state: DeskState, callId: string, status: string, now: number): Change {
  const known = state.ringing.find((one) => one.callId === callId)
  if (known === undefined) return unchanged(state)
  const { direction, from, to, expiresAt } = known
  return {
    state: {
      ...state,
      ringing: state.ringing.filter((one) => one !== known),
      silenced: [
        ...state.silenced.filter((one) => one.callId !== callId && one.expiresAt > now),
        { callId, expiresAt },
      ].slice(-MAX_RINGING),
    },
    events: [
      {
        type: 'call.status',
        data: {
          callId,
          status,
          direction,
          from,
          to,
          expiresAt: new Date(expiresAt).toISOString(),
        },
      },
    ],
    effects: [{ type: 'timer.cancel', name: `ring:${callId}` }],
    reason: null,
  }
}

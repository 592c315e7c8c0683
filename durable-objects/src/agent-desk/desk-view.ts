import type { Agent, Reservation } from '@menagerie/contracts'
import { toTimestamp } from '@menagerie/core'
import type { DeskReservation, DeskState } from './desk-state-types.ts'

/** What a reservation is about, by its id. */
export type Documents = (id: string) => Reservation | undefined

/** The desk as its agent and supervisors see it. @param seq newest number of the desk's events */
export function toAgent(state: DeskState, documents: Documents, seq: number): Agent {
  const { id, profile, activity, next, work, connected, contacts, reservations, ringing } = state
  return {
    id,
    displayName: profile.displayName,
    activity: activity.name,
    since: toTimestamp(activity.since),
    until: work === null ? null : toTimestamp(work.until),
    nextActivity: next?.name ?? null,
    capacity: profile.capacity,
    skills: profile.skills,
    queueIds: profile.queueIds,
    wrapUpSeconds: profile.wrapUpSeconds,
    connected,
    contacts: contacts.map(({ callId, queueId, since }) => ({
      callId,
      queueId,
      since: toTimestamp(since),
    })),
    reservations: reservations.flatMap((one) => toReservation(one, documents) ?? []),
    ringing: ringing.map(({ expiresAt, ...call }) => ({
      ...call,
      expiresAt: toTimestamp(expiresAt),
    })),
    seq,
  }
}

/** A reservation with what it is about; `undefined` for one that is kept no more. */
export function toReservation(one: DeskReservation, documents: Documents): Reservation | undefined {
  const document = documents(one.id)
  return document === undefined ? undefined : { ...document, state: one.state }
}

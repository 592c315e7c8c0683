import type { PresenceState } from '@menagerie/contracts'

/** Where a device's connection stands. Times in milliseconds since the epoch. */
export interface PresenceNow {
  state: PresenceState
  session: string | null
  since: number | null
  /** The device's own time of the newest `online`, when it told one. */
  announcedAt: number | null
  /** Sessions that another has followed or that ended meanwhile, the newest first. */
  past?: readonly PastSession[]
}

/** A session that is over, and the newest time it was told with. */
export interface PastSession {
  session: string
  time: number | null
}

/** Sessions of the past that are remembered. */
const MAX_PAST = 8

export interface PresenceMessage {
  state: 'online' | 'offline'
  session: string | null
  /** The device's own time. */
  time: number | null
}

export const unknownPresence: PresenceNow = {
  state: 'unknown',
  session: null,
  since: null,
  announcedAt: null,
}

/**
 * What a presence message makes of a presence. The same one comes back for what changes nothing: a retained message
 * that comes again, a last will of a connection that another has followed, and the announcement of a session that is
 * over, brought again by the broker. Only times that were told under one session are compared: a device's clock may be
 * set back between two of them. The end of a session that was never heard of is remembered, since its announcement may
 * come after it.
 */
export function nextPresence(now: PresenceNow, message: PresenceMessage, at: number): PresenceNow {
  return message.state === 'offline' ? goneOffline(now, message, at) : comeOnline(now, message, at)
}

function goneOffline(
  now: PresenceNow,
  { session, time }: PresenceMessage,
  at: number,
): PresenceNow {
  const isCurrent = session === null || session === now.session
  if (now.state === 'online' && isCurrent)
    return {
      ...now,
      state: 'offline',
      session: session ?? now.session,
      since: at,
      announcedAt: later(now.announcedAt, time),
    }
  if (now.state === 'unknown')
    return {
      ...now,
      state: 'offline',
      session: session ?? now.session,
      since: at,
      announcedAt: time,
    }
  return isCurrent ? now : remember(now, session, time)
}

function comeOnline(now: PresenceNow, { session, time }: PresenceMessage, at: number): PresenceNow {
  const isCurrent = session === now.session
  if (now.state === 'online' && isCurrent) return now
  const over = isCurrent
    ? { time: now.announcedAt }
    : (now.past ?? []).find((past) => past.session === session)
  const told = over?.time ?? null
  if (session !== null && told !== null && time !== null && time <= told) return now
  const { past = [] } = isCurrent ? now : remember(now, now.session, now.announcedAt)
  const others = past.filter((one) => one.session !== session)
  const next: PresenceNow = { state: 'online', session, since: at, announcedAt: time }
  return others.length === 0 ? next : { ...next, past: others }
}

/** The broker has ended the connection, and sends no last will of it: the device did not go by itself. */
export const cutOff = (now: PresenceNow, at: number): PresenceNow =>
  now.state === 'online' ? { ...now, state: 'offline', since: at } : now

/** Keeps that a session is over. The same presence comes back where that is known. */
function remember(now: PresenceNow, session: string | null, time: number | null): PresenceNow {
  if (session === null) return now
  const { past = [] } = now
  const known = past.find((one) => one.session === session)
  const newest = later(known?.time ?? null, time)
  if (known !== undefined && known.time === newest) return now
  const others = past.filter((one) => one !== known)
  return { ...now, past: [{ session, time: newest }, ...others].slice(0, MAX_PAST) }
}

const later = (one: number | null, other: number | null): number | null =>
  one === null || other === null ? (one ?? other) : Math.max(one, other)

import type { PresenceState } from '@menagerie/contracts'

/** Where a device's connection stands. Times in milliseconds since the epoch. */
export interface PresenceNow {
  state: PresenceState
  session: string | null
  since: number | null
  /** The device's own time of the newest `online`, when it told one. */
  announcedAt: number | null
}

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
 * that comes again, a last will of a connection that another has followed, and the announcement of a session that has
 * ended, brought again by the broker.
 */
export function nextPresence(now: PresenceNow, message: PresenceMessage, at: number): PresenceNow {
  const { state, session, time } = message
  if (state === 'offline') {
    if (now.state === 'offline') return now
    if (now.state === 'online' && session !== null && session !== now.session) return now
    return { ...now, state, session: session ?? now.session, since: at }
  }
  if (now.state === 'online' && session === now.session) return now
  const sessionEnded = now.state === 'offline' && session !== null && session === now.session
  if (sessionEnded && time !== null && now.announcedAt !== null && time <= now.announcedAt)
    return now
  return { state, session, since: at, announcedAt: time }
}

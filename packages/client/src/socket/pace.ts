/**
 * The server closes a socket (1008) that sends more than 20 frames a second after a burst of 40. Staying below that
 * leaves room for heartbeats and for frames whose first try is still under way.
 */
const BURST = 30
const PER_SECOND = 15

/** A token bucket: how many frames may go now. */
export interface Pace {
  tokens: number
  /** When `tokens` was right, milliseconds. */
  at: number
}

/** The pace of a new connection: the server counts each connection for itself. */
export const freshPace = (now: number): Pace => ({ tokens: BURST, at: now })

/** The bucket as it is now. A clock that went back adds nothing. */
export function refill(pace: Pace, now: number): Pace {
  const gained = (Math.max(0, now - pace.at) / 1000) * PER_SECOND
  return { tokens: Math.min(BURST, pace.tokens + gained), at: now }
}

/** Milliseconds until one frame may go. */
export const untilNext = (pace: Pace): number =>
  Math.max(1, Math.ceil(((1 - pace.tokens) / PER_SECOND) * 1000))

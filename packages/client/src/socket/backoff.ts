const FIRST_MS = 250
/** While it may be a restart: who was there a moment ago wants to be back within two seconds of the server. */
const SOON_MS = 1_500
/** About a quarter of a minute of tries. */
const SOON_TRIES = 20
const LONGEST_MS = 8_000

/**
 * Exponential backoff with full jitter: anywhere between nothing and a limit, so that a thousand clients dropped
 * together do not come back together. The limit doubles to 1.5 s, and after twenty tries on to 8 s.
 *
 * @param attempt tries that failed before this one, from 0
 * @param random in [0, 1)
 * @returns milliseconds, at most 8000
 */
export function backoff(attempt: number, random: number): number {
  const limit =
    attempt < SOON_TRIES
      ? Math.min(SOON_MS, FIRST_MS * 2 ** Math.min(attempt, 16))
      : Math.min(LONGEST_MS, SOON_MS * 2 ** Math.min(attempt - SOON_TRIES + 1, 16))
  return Math.floor(random * limit)
}

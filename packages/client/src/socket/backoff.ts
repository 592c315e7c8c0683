const FIRST_MS = 250
const LONGEST_MS = 8_000

/**
 * Exponential backoff with full jitter: anywhere between nothing and the doubling limit, so that a thousand clients
 * dropped together do not come back together.
 *
 * @param attempt tries that failed before this one, from 0
 * @param random in [0, 1)
 * @returns milliseconds, at most 8000
 */
export function backoff(attempt: number, random: number): number {
  return Math.floor(random * Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt, 16)))
}

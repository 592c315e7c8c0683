/** No attempt waits longer. */
export const MAX_BACKOFF_MS = 60_000
const BASE_MS = 500

/**
 * Exponential backoff with full jitter: anything from nothing to 500 ms · 2^attempts, at most 60 s
 * (Brooker, "Exponential Backoff And Jitter", 2015).
 *
 * @param attempts how many have failed, from 1
 * @param random in [0, 1)
 * @returns milliseconds to wait
 */
export function backoff(attempts: number, random: number): number {
  return Math.floor(random * Math.min(MAX_BACKOFF_MS, BASE_MS * 2 ** Math.min(attempts, 20)))
}

/** After so many attempts a delivery has failed: some eight hours, mostly waiting. */
export const MAX_ATTEMPTS = 8

const FIRST_SECONDS = 5
const FACTOR = 4
const LONGEST_SECONDS = 6 * 60 * 60
/** A queue delays for no longer. */
const MAX_DELAY_SECONDS = 24 * 60 * 60

/**
 * How long to wait after an attempt: exponential backoff with full jitter (Brooker, "Exponential Backoff And Jitter",
 * 2015), never less than the provider asks for.
 *
 * @param attempts how many were made, from 1
 * @param random in [0, 1)
 * @returns whole seconds, at least 1
 */
export function retrySeconds(
  attempts: number,
  retryAfterSeconds: number | undefined,
  random: number,
): number {
  const ceiling = Math.min(FIRST_SECONDS * FACTOR ** (attempts - 1), LONGEST_SECONDS)
  const seconds = Math.max(1, Math.ceil(random * ceiling), Math.ceil(retryAfterSeconds ?? 0))
  return Math.min(seconds, MAX_DELAY_SECONDS)
}

/**
 * Seconds that a `Retry-After` asks for (RFC 9110 §10.2.3): a number, or a date.
 *
 * @returns `undefined` for a header that is missing or says neither
 */
export function readRetryAfter(header: string | null, now: number): number | undefined {
  if (header === null) return undefined
  // However many digits: what is too long for a queue is cut there.
  if (/^\d+$/.test(header.trim())) return Number(header)
  // A date begins with the name of its day; `Date.parse` takes `-1` for one, too.
  if (!/^[A-Z]/i.test(header.trim())) return undefined
  const at = Date.parse(header)
  return Number.isNaN(at) ? undefined : Math.max(0, Math.ceil((at - now) / 1000))
}

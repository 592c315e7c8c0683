/** A carrier that asks for more patience than this is asked again all the same. */
const LONGEST_SECONDS = 60

/**
 * The seconds that a `Retry-After` asks us to wait, as a number of seconds or as a date (RFC 9110 §10.2.3): 1 to 60,
 * and 1 where it is missing or makes no sense. A date counts from the answer's own `Date`, so that a clock that goes
 * wrong on either side does not matter.
 *
 * @param now milliseconds since the epoch, where the answer has no `Date`
 */
export function retryAfterSeconds(headers: Headers, now: number): number {
  const asked = headers.get('retry-after')?.trim() ?? ''
  const seconds = /^\d+$/.test(asked) ? Number(asked) : secondsUntil(asked, headers, now)
  return Number.isFinite(seconds) ? Math.min(LONGEST_SECONDS, Math.max(1, seconds)) : 1
}

function secondsUntil(date: string, headers: Headers, now: number): number {
  const sent = Date.parse(headers.get('date') ?? '')
  return Math.ceil((Date.parse(date) - (Number.isNaN(sent) ? now : sent)) / 1000)
}

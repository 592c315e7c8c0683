/** Where time comes from. Pure code gets `now` as an argument; only shells hold a clock. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number
}

/**
 * The system's clock, shifted by `CLOCK_OFFSET_MS`, which tests alone set.
 *
 * @param offsetMs milliseconds to add; anything that is not a finite number counts as 0
 */
export function systemClock(offsetMs: string | number | undefined = 0): Clock {
  const offset = Number(offsetMs)
  const shift = Number.isFinite(offset) ? offset : 0
  return { now: () => Date.now() + shift }
}

/** RFC 3339 in UTC with `Z` and milliseconds. */
export const toTimestamp = (ms: number): string => new Date(ms).toISOString()

import type { DayCounts } from './queue-model.ts'

const DAY_MS = 24 * 60 * 60 * 1000
/** Whoever leaves within it has not really waited (contract §7). */
export const SHORT_ABANDON_MS = 5_000

const empty = (since: number): DayCounts => ({
  since,
  offered: 0,
  answered: 0,
  abandoned: 0,
  shortAbandons: 0,
  answeredWithinServiceLevel: 0,
  waitedMs: 0,
})

/** The day's numbers, begun anew when another day (UTC) has begun. */
export function ofToday(day: DayCounts | undefined, now: number): DayCounts {
  const since = now - (now % DAY_MS)
  return day === undefined || day.since < since ? empty(since) : day
}

export const countOffered = (day: DayCounts): DayCounts => ({ ...day, offered: day.offered + 1 })

/** @param waitMs how long it waited until the answer */
export const countAnswered = (
  day: DayCounts,
  waitMs: number,
  serviceLevelSeconds: number,
): DayCounts => ({
  ...day,
  answered: day.answered + 1,
  waitedMs: day.waitedMs + waitMs,
  answeredWithinServiceLevel:
    day.answeredWithinServiceLevel + (waitMs <= serviceLevelSeconds * 1000 ? 1 : 0),
})

export const countAbandoned = (day: DayCounts, waitMs: number): DayCounts => ({
  ...day,
  abandoned: day.abandoned + 1,
  shortAbandons: day.shortAbandons + (waitMs <= SHORT_ABANDON_MS ? 1 : 0),
})

import type { TelemetryBucket, TelemetryValues } from '@menagerie/contracts'
import { toTimestamp } from '@menagerie/core'

export const MINUTE_MS = 60_000

export const minuteOf = (at: number): number => Math.floor(at / MINUTE_MS) * MINUTE_MS

interface Tally {
  min: number
  max: number
  sum: number
  count: number
}

/** One minute of one stream. Only numbers are tallied. */
export interface Minute {
  /** Milliseconds since the epoch. */
  start: number
  count: number
  tallies: Map<string, Tally>
}

export const emptyMinute = (start: number): Minute => ({ start, count: 0, tallies: new Map() })

/** Adds a sample to its minute, in place. */
export function addToMinute(minute: Minute, values: TelemetryValues): void {
  minute.count += 1
  for (const name in values) {
    const value = values[name]
    if (typeof value !== 'number') continue
    const tally = minute.tallies.get(name)
    if (tally === undefined) {
      minute.tallies.set(name, { min: value, max: value, sum: value, count: 1 })
      continue
    }
    tally.min = Math.min(tally.min, value)
    tally.max = Math.max(tally.max, value)
    tally.sum = finite(tally.sum + value)
    tally.count += 1
  }
}

/** Numbers at the end of their range may add up beyond it, and JSON has no infinity. */
const finite = (sum: number): number => Math.min(Number.MAX_VALUE, Math.max(-Number.MAX_VALUE, sum))

/** As it is stored: `[name, min, max, sum, count]` for each number. */
export const writeMinute = ({ tallies }: Minute): string =>
  JSON.stringify(
    [...tallies].map(([name, { min, max, sum, count }]) => [name, min, max, sum, count]),
  )

export function readMinute(start: number, count: number, stored: string): Minute {
  const rows = JSON.parse(stored) as [string, number, number, number, number][]
  const tallies = rows.map(
    ([name, min, max, sum, tallied]) => [name, { min, max, sum, count: tallied }] as const,
  )
  return { start, count, tallies: new Map(tallies) }
}

export const toBucket = ({ start, count, tallies }: Minute): TelemetryBucket => ({
  start: toTimestamp(start),
  count,
  values: Object.fromEntries(
    [...tallies].map(([name, tally]) => [
      name,
      { min: tally.min, max: tally.max, mean: tally.sum / tally.count, count: tally.count },
    ]),
  ),
})

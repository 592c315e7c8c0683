import type { TelemetryBucket, TelemetryValues } from '@menagerie/contracts'
import { toTimestamp } from '@menagerie/core'

export const MINUTE_MS = 60_000
export const HOUR_MS = 60 * MINUTE_MS
export const DAY_MS = 24 * HOUR_MS
/** Numbers of one bucket that are tallied, the first to come. */
const MAX_NAMES = 256

/** How long a bucket lasts, and how long it is kept, in milliseconds. Days are those of UTC. */
export const rings = {
  minutes: { lengthMs: MINUTE_MS, keptMs: 7 * DAY_MS },
  hours: { lengthMs: HOUR_MS, keptMs: 90 * DAY_MS },
  days: { lengthMs: DAY_MS, keptMs: 1827 * DAY_MS },
} as const
export type Ring = keyof typeof rings

/** The beginning of the bucket that a time lies in. */
export const startOf = (ring: Ring, at: number): number =>
  Math.floor(at / rings[ring].lengthMs) * rings[ring].lengthMs

interface Tally {
  min: number
  max: number
  sum: number
  count: number
}

/** A minute, hour or day of one stream. Only numbers are tallied. */
export interface Bucket {
  /** Milliseconds since the epoch. */
  start: number
  count: number
  tallies: Map<string, Tally>
  /** Bytes of its tallies as they were last stored; 0 before. */
  storedBytes: number
}

export const emptyBucket = (start: number): Bucket => ({
  start,
  count: 0,
  tallies: new Map(),
  storedBytes: 0,
})

/** Adds a sample to its bucket, in place. */
export function addSample(bucket: Bucket, values: TelemetryValues): void {
  bucket.count += 1
  for (const name in values) {
    const value = values[name]
    if (typeof value !== 'number') continue
    addTally(bucket, name, value, value, value, 1)
  }
}

/** Adds a shorter bucket to the longer one that it lies in, in place. */
export function addBucket(into: Bucket, from: Bucket): void {
  into.count += from.count
  for (const [name, { min, max, sum, count }] of from.tallies)
    addTally(into, name, min, max, sum, count)
}

function addTally(
  { tallies }: Bucket,
  name: string,
  min: number,
  max: number,
  sum: number,
  count: number,
): void {
  const tally = tallies.get(name)
  if (tally === undefined) {
    // A device that makes up names must not make a row that no longer fits.
    if (tallies.size >= MAX_NAMES) return
    tallies.set(name, { min, max, sum, count })
    return
  }
  tally.min = Math.min(tally.min, min)
  tally.max = Math.max(tally.max, max)
  tally.sum = finite(tally.sum + sum)
  tally.count += count
}

/** Numbers at the end of their range may add up beyond it, and JSON has no infinity. */
const finite = (sum: number): number => Math.min(Number.MAX_VALUE, Math.max(-Number.MAX_VALUE, sum))

/** As it is stored: `[name, min, max, sum, count]` for each number. */
export const writeBucket = ({ tallies }: Bucket): string =>
  JSON.stringify(
    [...tallies].map(([name, { min, max, sum, count }]) => [name, min, max, sum, count]),
  )

export function readBucket(start: number, count: number, stored: string): Bucket {
  const rows = JSON.parse(stored) as [string, number, number, number, number][]
  const tallies = rows.map(
    ([name, min, max, sum, tallied]) => [name, { min, max, sum, count: tallied }] as const,
  )
  return { start, count, tallies: new Map(tallies), storedBytes: Buffer.byteLength(stored) }
}

export const toTelemetryBucket = ({ start, count, tallies }: Bucket): TelemetryBucket => ({
  start: toTimestamp(start),
  count,
  values: Object.fromEntries(
    [...tallies].map(([name, tally]) => [
      name,
      { min: tally.min, max: tally.max, mean: tally.sum / tally.count, count: tally.count },
    ]),
  ),
})

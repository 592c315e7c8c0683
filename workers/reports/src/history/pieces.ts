import type { Interval } from './history-store.ts'

export const BUCKET_MS = 15 * 60_000

/** A part of an interval: its index, and where the part starts and ends. */
export type Piece = readonly [interval: number, start: number, end: number]

/**
 * Cuts intervals into what whole 15-minute buckets cover and the ragged edges that only single calls can tell of.
 */
export function cutAtBuckets(intervals: readonly Interval[]): { whole: Piece[]; edges: Piece[] } {
  const whole: Piece[] = []
  const edges: Piece[] = []
  for (const [index, { start, end }] of intervals.entries()) {
    const first = Math.ceil(start / BUCKET_MS) * BUCKET_MS
    const last = Math.floor(end / BUCKET_MS) * BUCKET_MS
    // Both within one bucket.
    if (first > last) edges.push([index, start, end])
    else {
      if (start < first) edges.push([index, start, first])
      if (first < last) whole.push([index, first, last])
      if (last < end) edges.push([index, last, end])
    }
  }
  return { whole, edges }
}

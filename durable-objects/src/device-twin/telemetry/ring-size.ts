import type { JournalStorage } from '../../journal/types.ts'
import type { Ring } from './buckets.ts'

/** Of JSON in the buckets of one stream, all three rings together. */
export const MAX_RING_BYTES = 32 * 1024 * 1024
/** As many are left at most once buckets went, so that not every message has to count them. */
const LEFT_BYTES = (MAX_RING_BYTES * 3) / 4

/**
 * Drops the older half of a stream's largest ring until what is left is small enough, if there is too much: a device that
 * makes up names, or sends hundreds of numbers on each of its streams, must not fill its object. Runs inside a
 * transaction.
 *
 * @returns the bytes that are left
 */
export function trimRings(exec: JournalStorage['exec'], stream: string): number {
  for (let most = MAX_RING_BYTES; ; most = LEFT_BYTES) {
    const sizes = (['minutes', 'hours', 'days'] as const).map((ring) => sizeOf(exec, ring, stream))
    const bytes = sizes.reduce((sum, size) => sum + size.bytes, 0)
    if (bytes <= most) return bytes
    const [largest] = sizes.sort((one, other) => other.bytes - one.bytes)
    if (largest === undefined) return bytes
    exec(
      `DELETE FROM ${largest.ring} WHERE stream = ?1 AND start <= (SELECT start FROM ${largest.ring}
         WHERE stream = ?1 ORDER BY start LIMIT 1 OFFSET ?2)`,
      stream,
      Math.floor(largest.count / 2),
    )
  }
}

function sizeOf(exec: JournalStorage['exec'], ring: Ring, stream: string) {
  const [size] = exec<{ count: number; bytes: number }>(
    `SELECT count(*) AS count, total(length(CAST(vals AS BLOB))) AS bytes FROM ${ring} WHERE stream = ?`,
    stream,
  )
  return { ring, count: size?.count ?? 0, bytes: size?.bytes ?? 0 }
}

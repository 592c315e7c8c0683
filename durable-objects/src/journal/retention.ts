import { toTimestamp } from '@menagerie/core'
import { readBounds } from './events.ts'
import type { Exec } from './schema.ts'
import type { JournalOptions, SqlRow } from './types.ts'

export type Retention = NonNullable<JournalOptions<unknown>['retention']>

interface SeqRow extends SqlRow {
  seq: number | null
}

const readSeq = (exec: Exec, sql: string, ...bindings: string[]): number | undefined =>
  exec<SeqRow>(sql, ...bindings)[0]?.seq ?? undefined

/**
 * The last number that may go: too old or beyond the count, and older than every event whose messages wait.
 * Pure, so that the rule can be read at a glance.
 */
export function retentionCut(bounds: {
  base: number
  head: number
  maxEvents: number
  /** The first event that is young enough to stay. */
  firstYoung: number | undefined
  /** The first event with a message that has not left. */
  firstUnsent: number | undefined
}): number {
  const byCount = bounds.head - bounds.maxEvents
  const byAge = (bounds.firstYoung ?? bounds.head + 1) - 1
  const unsent = (bounds.firstUnsent ?? bounds.head + 1) - 1
  return Math.max(bounds.base, Math.min(Math.max(byCount, byAge), unsent))
}

/** Removes what retention no longer keeps and moves the base along. Runs inside a transaction; returns how many went. */
export function applyRetention(exec: Exec, retention: Retention, now: number): number {
  const { head, base } = readBounds(exec)
  const cut = retentionCut({
    base: base.seq,
    head: head.seq,
    maxEvents: retention.maxEvents,
    firstYoung: readSeq(
      exec,
      'SELECT seq FROM events WHERE time >= ? ORDER BY seq LIMIT 1',
      toTimestamp(now - retention.maxAgeMs),
    ),
    firstUnsent: readSeq(exec, `SELECT min(first_seq) AS seq FROM outbox WHERE state = 'pending'`),
  })
  if (cut <= base.seq) return 0
  exec(
    'UPDATE head SET base_seq = ?, base_hash = (SELECT hash FROM events WHERE seq = ?)',
    cut,
    cut,
  )
  exec('DELETE FROM events WHERE seq <= ?', cut)
  return cut - base.seq
}

interface TimeRow extends SqlRow {
  time: string
}

/** When the oldest event becomes too old, milliseconds since the epoch. */
export function nextRetention(exec: Exec, retention: Retention): number | undefined {
  const [row] = exec<TimeRow>('SELECT time FROM events ORDER BY seq LIMIT 1')
  // One millisecond more: an event exactly as old as the limit stays.
  return row === undefined ? undefined : Date.parse(row.time) + retention.maxAgeMs + 1
}

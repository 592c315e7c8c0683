import type { Reservation } from '@menagerie/contracts'
import type { JournalStorage, SqlRow } from '../journal/types.ts'

type Exec = JournalStorage['exec']

const MINUTE_MS = 60_000

interface DocumentRow extends SqlRow {
  document: string
}
interface WindowRow extends SqlRow {
  count: number
  oldest: number | null
}

/** What a reservation is about, and when calls were started: too large, or too many, for the one row of the state. */
export function createDeskTables(exec: Exec): void {
  exec('CREATE TABLE reservations (id TEXT PRIMARY KEY, document TEXT NOT NULL)')
  exec('CREATE TABLE starts (at INTEGER NOT NULL)')
  exec('CREATE INDEX starts_at ON starts (at)')
}

/** Keeps what a new reservation is about, and forgets all but the given ones. */
export function saveReservation(exec: Exec, one: Reservation, kept: readonly string[]): void {
  exec(
    'INSERT OR REPLACE INTO reservations (id, document) VALUES (?, ?)',
    one.id,
    JSON.stringify(one),
  )
  exec(
    'DELETE FROM reservations WHERE id NOT IN (SELECT value FROM json_each(?))',
    JSON.stringify(kept),
  )
}

/** What a reservation was about when it was made; its `state` is that of the desk. */
export function findReservation(exec: Exec, id: string): Reservation | undefined {
  const [row] = exec<DocumentRow>('SELECT document FROM reservations WHERE id = ?', id)
  return row === undefined ? undefined : (JSON.parse(row.document) as Reservation)
}

/**
 * Counts a start of a call, at most `limit` in any 60 seconds.
 *
 * @param now milliseconds since the epoch
 * @returns 0, or the milliseconds after which one more is allowed
 */
export function countStart(exec: Exec, limit: number, now: number): number {
  exec('DELETE FROM starts WHERE at <= ?', now - MINUTE_MS)
  const [row] = exec<WindowRow>('SELECT count(*) AS count, min(at) AS oldest FROM starts')
  const { count = 0, oldest = null } = row ?? {}
  if (count >= limit) return Math.max(1, (oldest ?? now) + MINUTE_MS - now)
  exec('INSERT INTO starts (at) VALUES (?)', now)
  return 0
}

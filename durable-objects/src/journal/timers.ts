import type { JsonValue } from '@menagerie/core'
import { backoff } from './backoff.ts'
import type { Exec } from './schema.ts'
import type { FiredTimer, JournalInput, SqlRow, TimerChange } from './types.ts'

/** A timer is later than this only where the object could not run, or its handler failed before. */
const LATE_MS = 2_000

interface TimerRow extends SqlRow {
  name: string
  at: number
  data: string
  generation: number
}

interface NumberRow extends SqlRow {
  value: number | null
}

/** Sets and cancels timers. A name has one timer; each setting gets a number no setting had before. */
export function changeTimers(exec: Exec, changes: readonly TimerChange[]): void {
  for (const change of changes) {
    switch (change.type) {
      case 'timer.set':
        exec('UPDATE object SET timer_generation = timer_generation + 1')
        exec(
          `INSERT OR REPLACE INTO timers (name, at, data, generation, attempts, retry_at)
           SELECT ?, ?, ?, timer_generation, 0, ? FROM object`,
          change.name,
          change.at,
          JSON.stringify(change.data ?? null),
          change.at,
        )
        break
      case 'timer.cancel':
        exec('DELETE FROM timers WHERE name = ?', change.name)
        break
    }
  }
}

/** The timer that is due first, if any is. */
export function dueTimer(exec: Exec, now: number): FiredTimer | undefined {
  const [row] = exec<TimerRow>(
    `SELECT name, at, data, generation FROM timers WHERE retry_at <= ?
     ORDER BY retry_at, generation LIMIT 1`,
    now,
  )
  return row === undefined ? undefined : { ...row, data: JSON.parse(row.data) as JsonValue }
}

/** Whether this very setting still waits: not fired, not cancelled, not set anew. */
export function timerWaits(exec: Exec, timer: FiredTimer): boolean {
  return (
    exec('SELECT 1 FROM timers WHERE name = ? AND generation = ?', timer.name, timer.generation)
      .length > 0
  )
}

/** Removes the fired setting; runs in the transaction of its effect, so that it fires once. */
export function takeTimer(exec: Exec, timer: FiredTimer): void {
  exec('DELETE FROM timers WHERE name = ? AND generation = ?', timer.name, timer.generation)
}

/** Lets a timer whose handler failed come back after a backoff. */
export function deferTimer(exec: Exec, timer: FiredTimer, now: number, random: number): void {
  const [row] = exec<NumberRow>(
    'SELECT attempts AS value FROM timers WHERE name = ? AND generation = ?',
    timer.name,
    timer.generation,
  )
  const attempts = (row?.value ?? 0) + 1
  exec(
    'UPDATE timers SET attempts = ?, retry_at = ? WHERE name = ? AND generation = ?',
    attempts,
    // Never "now": the loop that fires timers would take the same one again at once.
    now + 1 + backoff(attempts, random),
    timer.name,
    timer.generation,
  )
}

/**
 * Whether what was due rings so late that there was an outage. Nobody could be heard in it, so nobody is judged silent:
 * the time that a timer of somebody's absence allows begins anew.
 *
 * @param dueAt milliseconds since the epoch, as `now`
 */
export const rangLate = (dueAt: number, now: number): boolean => now - dueAt > LATE_MS

/** When the next timer is due, milliseconds since the epoch. */
export function nextTimer(exec: Exec): number | undefined {
  const [row] = exec<NumberRow>('SELECT min(retry_at) AS value FROM timers')
  return row?.value ?? undefined
}

/** The input with which a fired timer asks: the same firing is the same key. */
export function timerInput(timer: FiredTimer): JournalInput {
  return {
    actor: 'timer',
    source: 'timer',
    id: `${timer.name}:${timer.generation}`,
    body: timer.data,
    timer,
  }
}

import { clockOf } from '@menagerie/core'
import type { Env } from '../context.ts'

/** How long a code holds. */
export const CODE_KEPT_MS = 24 * 60 * 60_000
/** Codes that may lead nowhere in a window. */
const MAX_FAILURES = 10
const WINDOW_MS = 15 * 60_000

/** Keeps which device a code leads to; whether it still holds, the device's twin knows. @param expiresAt milliseconds */
export async function keepClaimCode(
  db: D1Database,
  hash: string,
  deviceId: string,
  expiresAt: number,
): Promise<void> {
  await db
    .prepare('INSERT INTO claim_codes (hash, device_id, expires_at) VALUES (?, ?, ?)')
    .bind(hash, deviceId, expiresAt)
    .run()
}

/** The device that a code's hash leads to. A used one is kept too, for the repeats of the request that used it. */
export async function deviceOfCode(
  db: D1Database,
  hash: string,
  now: number,
): Promise<string | undefined> {
  const row = await db
    .prepare('SELECT device_id FROM claim_codes WHERE hash = ? AND expires_at > ?')
    .bind(hash, now)
    .first<{ device_id: string }>()
  return row?.device_id
}

/** For how many more seconds an account may try no code; `undefined` when it may. */
export async function claimPause(
  db: D1Database,
  userId: string,
  now: number,
): Promise<number | undefined> {
  const row = await db
    .prepare('SELECT ends_at FROM claim_failures WHERE user_id = ? AND count >= ? AND ends_at > ?')
    .bind(userId, MAX_FAILURES, now)
    .first<{ ends_at: number }>()
  return row === null ? undefined : Math.ceil((row.ends_at - now) / 1000)
}

/** Counts a code that led nowhere. */
export async function countFailure(db: D1Database, userId: string, now: number): Promise<void> {
  await db
    .prepare(
      `INSERT INTO claim_failures (user_id, count, ends_at) VALUES (?1, 1, ?2)
       ON CONFLICT (user_id) DO UPDATE SET
         count = CASE WHEN ends_at > ?3 THEN count + 1 ELSE 1 END,
         ends_at = CASE WHEN ends_at > ?3 THEN ends_at ELSE ?2 END`,
    )
    .bind(userId, now + WINDOW_MS, now)
    .run()
}

/** Forgets codes and counts that say nothing any more. */
export async function forgetOldClaims(env: Env): Promise<void> {
  const now = clockOf(env).now()
  await env.DB.batch([
    env.DB.prepare('DELETE FROM claim_codes WHERE expires_at <= ?').bind(now),
    env.DB.prepare('DELETE FROM claim_failures WHERE ends_at <= ?').bind(now),
  ])
}

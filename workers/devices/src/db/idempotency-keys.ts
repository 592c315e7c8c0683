import { clockOf } from '@menagerie/core'
import type { Env } from '../context.ts'

const KEPT_MS = 24 * 60 * 60_000
/** As long as a request that asks the broker may take. */
const RUNNING_MS = 15_000

/** Where a key stands that a request came with. */
export type KeyClaim =
  /** Nobody used it: this request does, until `finishKey` or `releaseKey`. */
  | { state: 'ours'; claim: string }
  /** Another request with it has not ended. */
  | { state: 'running'; retryAfterSeconds: number }
  /** It did its work. */
  | { state: 'done' }
  /** It was used for another device. */
  | { state: 'mismatch' }

interface Row {
  device_id: string
  claim: string
  state: 'running' | 'done'
  expires_at: number
}

/**
 * Takes a key for a device, once: of requests at the same time one gets it.
 *
 * @param key what stands for principal, route and key
 * @param state `done` where the key only names the device, and the device's object does the rest
 * @param now milliseconds
 */
export async function claimKey(
  db: D1Database,
  key: string,
  deviceId: string,
  state: 'running' | 'done',
  claim: string,
  now: number,
): Promise<KeyClaim> {
  const expiresAt = now + (state === 'running' ? RUNNING_MS : KEPT_MS)
  const [, , read] = await db.batch<Row>([
    db.prepare('DELETE FROM idempotency_keys WHERE key = ? AND expires_at <= ?').bind(key, now),
    db
      .prepare(
        `INSERT INTO idempotency_keys (key, device_id, claim, state, expires_at) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT (key) DO NOTHING`,
      )
      .bind(key, deviceId, claim, state, expiresAt),
    db
      .prepare('SELECT device_id, claim, state, expires_at FROM idempotency_keys WHERE key = ?')
      .bind(key),
  ])
  const row = read?.results[0]
  if (row === undefined) throw new Error('The key was not kept')
  if (row.device_id !== deviceId) return { state: 'mismatch' }
  if (row.claim === claim) return { state: 'ours', claim }
  if (row.state === 'done') return { state: 'done' }
  return { state: 'running', retryAfterSeconds: Math.ceil((row.expires_at - now) / 1000) }
}

/** The statement that keeps a claimed key as used, for the batch of what it was used for. */
export const finishKey = (db: D1Database, key: string, claim: string, now: number) =>
  db
    .prepare(
      `UPDATE idempotency_keys SET state = 'done', expires_at = ? WHERE key = ? AND claim = ?`,
    )
    .bind(now + KEPT_MS, key, claim)

/** Frees a claimed key, since nothing came of it. */
export async function releaseKey(db: D1Database, key: string, claim: string): Promise<void> {
  await db
    .prepare('DELETE FROM idempotency_keys WHERE key = ? AND claim = ?')
    .bind(key, claim)
    .run()
}

/** Keys are kept for 24 hours. */
export async function forgetOldKeys(env: Env): Promise<void> {
  await env.DB.prepare('DELETE FROM idempotency_keys WHERE expires_at <= ?')
    .bind(clockOf(env).now())
    .run()
}

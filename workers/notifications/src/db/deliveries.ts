import type { Channel } from '@menagerie/contracts'

/** How long one attempt may take, its look-ups included, before another may ask. */
const LEASE_MS = 30_000

/** A delivery's id and what it belongs to. */
export interface DeliveryKey {
  id: string
  notificationId: string
  /** `null` where nobody waits for what becomes of it; the column is empty then. */
  mailbox: string | null
  channel: Channel
}

/** Where a delivery stands. Times are milliseconds since the epoch. */
export interface DeliveryRow {
  state: 'queued' | 'sending' | 'sent' | 'failed' | 'skipped'
  attempts: number
  leaseUntil: number
  nextAttemptAt: number
  providerId: string | null
  reason: string | null
  updatedAt: number
}

/** How an attempt ended, for the row and its log. */
export interface AttemptRecord {
  attempt: number
  outcome: 'sent' | 'retrying' | 'failed' | 'skipped'
  status: number | null
  providerId: string | null
  reason: string | null
  nextAttemptAt: number
  durationMs: number
}

const columns = `state, attempts, lease_until AS leaseUntil, next_attempt_at AS nextAttemptAt,
  provider_id AS providerId, reason, updated_at AS updatedAt`

/**
 * Takes the delivery for one attempt: nobody else may ask the provider until the lease ends, or the runtime that held
 * it is gone. One statement, so of any number at once one gets it.
 *
 * @param bootId of this runtime
 * @returns the number of the attempt; `undefined` when it is taken, not due yet or ended
 */
export async function claimDelivery(
  db: D1Database,
  { id, notificationId, mailbox, channel }: DeliveryKey,
  bootId: string,
  now: number,
): Promise<number | undefined> {
  const row = await db
    .prepare(
      `INSERT INTO deliveries (id, notification_id, mailbox, channel, state, lease_until, leased_under, attempts,
         next_attempt_at, created_at, updated_at) VALUES (?1, ?2, ?3, ?4, 'sending', ?5, ?7, 1, 0, ?6, ?6)
       ON CONFLICT (id) DO UPDATE SET state = 'sending', lease_until = excluded.lease_until,
         leased_under = excluded.leased_under, attempts = deliveries.attempts + 1, updated_at = excluded.updated_at
       WHERE deliveries.state IN ('queued', 'sending')
         AND (deliveries.lease_until <= ?6 OR deliveries.leased_under <> ?7)
         AND deliveries.next_attempt_at <= ?6
       RETURNING attempts`,
    )
    .bind(id, notificationId, mailbox ?? '', channel, now + LEASE_MS, now, bootId)
    .first<{ attempts: number }>()
  return row?.attempts
}

export const findDelivery = (db: D1Database, id: string): Promise<DeliveryRow | null> =>
  db.prepare(`SELECT ${columns} FROM deliveries WHERE id = ?`).bind(id).first<DeliveryRow>()

/**
 * Keeps how an attempt ended, and its line in the log.
 *
 * @returns false when the lease ran out and another has taken the delivery since: what it says counts
 */
export async function recordAttempt(
  db: D1Database,
  id: string,
  record: AttemptRecord,
  now: number,
): Promise<boolean> {
  const { attempt, outcome, status, providerId, reason, nextAttemptAt, durationMs } = record
  const [updated] = await db.batch([
    db
      .prepare(
        `UPDATE deliveries SET state = ?, lease_until = 0, next_attempt_at = ?, provider_id = ?, reason = ?,
           updated_at = ? WHERE id = ? AND state = 'sending' AND attempts = ?`,
      )
      .bind(
        outcome === 'retrying' ? 'queued' : outcome,
        nextAttemptAt,
        providerId,
        reason,
        now,
        id,
        attempt,
      ),
    db
      .prepare(
        `INSERT INTO delivery_log (delivery_id, attempt, outcome, status, reason, duration_ms, at)
         VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
      )
      .bind(id, attempt, outcome, status, reason, durationMs, now),
  ])
  return (updated?.meta.changes ?? 0) > 0
}

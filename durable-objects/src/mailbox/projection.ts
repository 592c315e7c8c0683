import type { Channel, NotificationStatus, Recipient } from '@menagerie/contracts'
import type { JsonObject } from '@menagerie/core'
import type { Destination } from '../journal/types.ts'
import { ownerOf } from './mailbox-name.ts'
import type { NotificationState } from './notification-types.ts'
import { nextAttemptOf } from './notification-view.ts'

/** A notification's row as of its mailbox's event `seq`. Times are milliseconds since the epoch. */
export interface ProjectedNotification {
  id: string
  seq: number
  mailbox: string
  recipient: Recipient
  category: string
  channels: Channel[]
  status: NotificationStatus
  sendAt: number
  nextAttemptAt: number | null
  attempts: number
  createdAt: number
}

export const toProjected = (
  mailbox: string,
  seq: number,
  state: NotificationState,
): ProjectedNotification => ({
  id: state.details.id,
  seq,
  mailbox,
  recipient: state.details.recipient,
  category: state.details.category,
  channels: state.deliveries.map(({ channel }) => channel),
  status: state.phase.status,
  sendAt: state.details.sendAt,
  nextAttemptAt: nextAttemptOf(state),
  attempts: Math.max(0, ...state.deliveries.map(({ attempts }) => attempts)),
  createdAt: state.details.createdAt,
})

// An older row never overwrites a newer one, however late and often it arrives.
const upsert = `INSERT INTO notifications (id, seq, mailbox, owner, recipient, category, channels, status, send_at,
  next_attempt_at, next_at, attempts, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET seq = excluded.seq, status = excluded.status,
  next_attempt_at = excluded.next_attempt_at, next_at = excluded.next_at, attempts = excluded.attempts
WHERE excluded.seq > notifications.seq`

/** The statement that writes a row into the list of notifications. */
export const projectionStatement = (
  db: D1Database,
  row: ProjectedNotification,
): D1PreparedStatement =>
  db
    .prepare(upsert)
    .bind(
      row.id,
      row.seq,
      row.mailbox,
      ownerOf(row.mailbox),
      JSON.stringify(row.recipient),
      row.category,
      JSON.stringify(row.channels),
      row.status,
      row.sendAt,
      row.nextAttemptAt,
      row.nextAttemptAt ?? row.sendAt,
      row.attempts,
      row.createdAt,
    )

/** The list's rows in D1, made again from what the mailbox knows. */
export const projectionDestination = (db: D1Database): Destination => ({
  delivery: 'confirmed',
  batchSize: 50,
  async send(rows: readonly { id: string; body: JsonObject }[]) {
    await db.batch(
      rows.map(({ body }) => projectionStatement(db, body as unknown as ProjectedNotification)),
    )
  },
})

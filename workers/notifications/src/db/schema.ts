import type { Channel, NotificationStatus, Recipient } from '@menagerie/contracts'
import { sql } from 'drizzle-orm'
// biome-ignore lint/suspicious/noDeprecatedImports: only the form without `columns` is deprecated
import { index, integer, primaryKey, sqliteTable, text } from 'drizzle-orm/sqlite-core'

/**
 * The list of notifications: a projection that the mailboxes write, each row as of its mailbox's event `seq`. The truth
 * stays in the mailboxes. Times are milliseconds since the epoch, in every table.
 */
export const notifications = sqliteTable(
  'notifications',
  {
    id: text('id').primaryKey(),
    /** An older row never overwrites a newer one. */
    seq: integer('seq').notNull(),
    mailbox: text('mailbox').notNull(),
    /** The user it is for; `NULL` where it goes to a bare address. */
    owner: text('owner'),
    recipient: text('recipient', { mode: 'json' }).$type<Recipient>().notNull(),
    category: text('category').notNull(),
    channels: text('channels', { mode: 'json' }).$type<Channel[]>().notNull(),
    status: text('status').$type<NotificationStatus>().notNull(),
    sendAt: integer('send_at').notNull(),
    nextAttemptAt: integer('next_attempt_at'),
    /** `next_attempt_at`, or `send_at` while it is being delivered: what the list is sorted by. */
    nextAt: integer('next_at').notNull(),
    attempts: integer('attempts').notNull(),
    createdAt: integer('created_at').notNull(),
  },
  (table) => [
    index('notifications_pending')
      .on(table.nextAt, table.id)
      .where(sql`status IN ('scheduled', 'held', 'queued')`),
    index('notifications_pending_own')
      .on(table.owner, table.nextAt, table.id)
      .where(sql`status IN ('scheduled', 'held', 'queued')`),
  ],
)

/** Which request used an `Idempotency-Key`, 24 hours: the same key may name another recipient, whose mailbox knows nothing. */
export const idempotencyKeys = sqliteTable(
  'idempotency_keys',
  {
    /** The notification's id, derived from principal, route and key. */
    id: text('id').primaryKey(),
    /** SHA-256 of the canonical body. */
    bodyHash: text('body_hash').notNull(),
    expiresAt: integer('expires_at').notNull(),
  },
  (table) => [index('idempotency_keys_expires_at').on(table.expiresAt)],
)

/** Which events become notifications, and for whom. */
export const rules = sqliteTable(
  'rules',
  {
    id: text('id').primaryKey(),
    eventType: text('event_type').notNull(),
    /** Whom of the event it is for. */
    recipient: text('recipient').$type<'device.owner'>().notNull(),
    channels: text('channels', { mode: 'json' }).$type<Channel[]>().notNull(),
    category: text('category').notNull(),
    enabled: integer('enabled', { mode: 'boolean' }).notNull().default(true),
    createdAt: integer('created_at').notNull(),
  },
  (table) => [index('rules_event_type').on(table.eventType)],
)

/** Deliveries to providers: whoever holds the lease may ask, and what has ended is not asked again. */
export const deliveries = sqliteTable('deliveries', {
  /** `{notificationId}:{channel}`, the provider's idempotency key. */
  id: text('id').primaryKey(),
  notificationId: text('notification_id').notNull(),
  /** Empty where nobody waits for what becomes of it. */
  mailbox: text('mailbox').notNull(),
  channel: text('channel').$type<Channel>().notNull(),
  state: text('state').$type<'queued' | 'sending' | 'sent' | 'failed' | 'skipped'>().notNull(),
  /** A crash leaves `sending` behind: after this another may ask. */
  leaseUntil: integer('lease_until').notNull(),
  /** Under which `BOOT_ID` it was leased: a lease of a runtime that is gone binds nobody. */
  leasedUnder: text('leased_under').notNull(),
  attempts: integer('attempts').notNull(),
  nextAttemptAt: integer('next_attempt_at').notNull(),
  providerId: text('provider_id'),
  reason: text('reason'),
  createdAt: integer('created_at').notNull(),
  updatedAt: integer('updated_at').notNull(),
})

/** Every attempt of a delivery. */
export const deliveryLog = sqliteTable(
  'delivery_log',
  {
    deliveryId: text('delivery_id').notNull(),
    attempt: integer('attempt').notNull(),
    outcome: text('outcome').$type<'sent' | 'retrying' | 'failed' | 'skipped'>().notNull(),
    /** The provider's HTTP status; `NULL` where there was no answer. */
    status: integer('status'),
    reason: text('reason'),
    durationMs: integer('duration_ms').notNull(),
    at: integer('at').notNull(),
  },
  (table) => [primaryKey({ columns: [table.deliveryId, table.attempt] })],
)

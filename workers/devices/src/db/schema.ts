import type { PresenceState } from '@menagerie/contracts'
import { sql } from 'drizzle-orm'
import { index, integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'

/**
 * The list of devices: a projection that the twins write, each row as of its event `seq`. The truth stays in the twins.
 * Times are milliseconds since the epoch.
 */
export const devices = sqliteTable(
  'devices',
  {
    id: text('id').primaryKey(),
    /** An older row never overwrites a newer one. */
    seq: integer('seq').notNull(),
    name: text('name').notNull(),
    ownerId: text('owner_id').notNull(),
    /** JSON. */
    metadata: text('metadata').notNull(),
    state: text('state').$type<PresenceState>().notNull(),
    /** As of the last change of its presence; the twin knows the exact one. */
    lastSeenAt: integer('last_seen_at'),
    createdAt: integer('created_at').notNull(),
  },
  (table) => [
    index('devices_owner').on(table.ownerId, table.id),
    index('devices_online').on(table.id).where(sql`state = 'online'`),
  ],
)

/** What devices sign in to the broker with: the newest password of each. */
export const deviceCredentials = sqliteTable('device_credentials', {
  deviceId: text('device_id').primaryKey(),
  /**
   * SHA-256 of the password, hex. A slow hash would protect what people choose; these are 32 random bytes, which nobody
   * can guess at any speed, and brokers ask at every connect of a whole fleet.
   */
  secretHash: text('secret_hash').notNull(),
  createdAt: integer('created_at').notNull(),
})

/** What each `Idempotency-Key` was used for. */
export const idempotencyKeys = sqliteTable(
  'idempotency_keys',
  {
    /** The first half of SHA-256 over principal, route and key, as a UUIDv8. */
    key: text('key').primaryKey(),
    deviceId: text('device_id').notNull(),
    /** Who wrote the row: tells the request that took effect from its repeats. */
    claim: text('claim').notNull(),
    /** A `running` one that never ends, because its isolate did, is free again when it expires. */
    state: text('state').$type<'running' | 'done'>().notNull(),
    expiresAt: integer('expires_at').notNull(),
  },
  (table) => [index('idempotency_keys_expires_at').on(table.expiresAt)],
)

/** Messages on their way to queues; see core's `drainOutbox`. */
export const outbox = sqliteTable(
  'outbox',
  {
    id: text('id').primaryKey(),
    destination: text('destination').notNull(),
    body: text('body').notNull(),
    state: text('state').$type<'pending' | 'sent'>().notNull().default('pending'),
    bootId: text('boot_id'),
    attempts: integer('attempts').notNull().default(0),
    dueAt: integer('due_at').notNull(),
    sentAt: integer('sent_at'),
  },
  (table) => [index('outbox_due').on(table.state, table.destination, table.dueAt)],
)

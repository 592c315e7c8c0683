import type { PresenceState } from '@menagerie/contracts'
import { sql } from 'drizzle-orm'
// biome-ignore lint/suspicious/noDeprecatedImports: only the form without `columns` is deprecated
import { index, integer, primaryKey, sqliteTable, text } from 'drizzle-orm/sqlite-core'

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
    /** JSON, as in `device_tags`. */
    tags: text('tags').notNull().default('[]'),
    inactivityTimeoutSeconds: integer('inactivity_timeout_seconds'),
    /** 0 or 1. */
    active: integer('active').notNull().default(1),
    state: text('state').$type<PresenceState>().notNull(),
    /** As of the last change of its presence; the twin knows the exact one. */
    lastSeenAt: integer('last_seen_at'),
    createdAt: integer('created_at').notNull(),
  },
  (table) => [
    index('devices_owner').on(table.ownerId, table.id),
    index('devices_online').on(table.id).where(sql`state = 'online'`),
    index('devices_state').on(table.state, table.id),
    index('devices_owner_state').on(table.ownerId, table.state, table.id),
  ],
)

/** The tags of every device, each in the order of a list: everybody's and an owner's. */
export const deviceTags = sqliteTable(
  'device_tags',
  {
    deviceId: text('device_id').notNull(),
    tag: text('tag').notNull(),
    /** The device's. */
    ownerId: text('owner_id').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.deviceId, table.tag] }),
    index('device_tags_tag').on(table.tag, table.deviceId),
    index('device_tags_owner').on(table.ownerId, table.tag, table.deviceId),
  ],
)

/** Devices that were removed: an older row that comes late must not bring one back. */
export const retiredDevices = sqliteTable('retired_devices', { id: text('id').primaryKey() })

/** Which device a claim code leads to; whether it still holds, the device's twin knows. */
export const claimCodes = sqliteTable(
  'claim_codes',
  {
    /** SHA-256 of the code, hex. */
    hash: text('hash').primaryKey(),
    deviceId: text('device_id').notNull(),
    expiresAt: integer('expires_at').notNull(),
  },
  (table) => [index('claim_codes_expires_at').on(table.expiresAt)],
)

/** Codes that led nowhere, counted for each account while its window lasts. */
export const claimFailures = sqliteTable(
  'claim_failures',
  {
    userId: text('user_id').primaryKey(),
    count: integer('count').notNull(),
    endsAt: integer('ends_at').notNull(),
  },
  (table) => [index('claim_failures_ends_at').on(table.endsAt)],
)

/** Not used any more: its rows were copied to `broker_logins`, and tables are not dropped. */
export const deviceCredentials = sqliteTable('device_credentials', {
  deviceId: text('device_id').primaryKey(),
  secretHash: text('secret_hash').notNull(),
  createdAt: integer('created_at').notNull(),
})

/** What devices sign in to the broker with: two user names each at most, `{d}` and `{d}~2`. */
export const brokerLogins = sqliteTable(
  'broker_logins',
  {
    username: text('username').primaryKey(),
    deviceId: text('device_id').notNull(),
    id: text('id').notNull(),
    /**
     * SHA-256 of the password, hex. A slow hash would protect what people choose; these are 32 random bytes, which
     * nobody can guess at any speed, and brokers ask at every connect of a whole fleet.
     */
    secretHash: text('secret_hash').notNull(),
    createdAt: integer('created_at').notNull(),
    /** From when on it is refused, where a newer one takes its place. */
    expiresAt: integer('expires_at'),
  },
  (table) => [index('broker_logins_device').on(table.deviceId)],
)

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

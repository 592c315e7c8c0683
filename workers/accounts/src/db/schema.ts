import type { Role, UserStatus } from '@menagerie/contracts'
import { index, integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'

/** Accounts. Times are milliseconds since the epoch. */
export const users = sqliteTable(
  'users',
  {
    id: text('id').primaryKey(),
    /** `preferred_username`: the phone number or the e-mail address the account was made with. */
    username: text('username').notNull().unique(),
    /** E.164. */
    phoneNumber: text('phone_number').unique(),
    phoneNumberVerified: integer('phone_number_verified', { mode: 'boolean' })
      .notNull()
      .default(false),
    /** Lower case. */
    email: text('email').unique(),
    emailVerified: integer('email_verified', { mode: 'boolean' }).notNull().default(false),
    /** bcrypt, self-describing. */
    passwordHash: text('password_hash').notNull(),
    displayName: text('display_name'),
    /** The display name in lower case of every script, which SQLite's `lower()` does for ASCII alone. */
    searchName: text('search_name'),
    roles: text('roles', { mode: 'json' }).$type<Role[]>().notNull(),
    status: text('status').$type<UserStatus>().notNull(),
    locale: text('locale'),
    timeZone: text('time_zone'),
    createdAt: integer('created_at').notNull(),
  },
  (table) => [index('users_created_at').on(table.createdAt, table.id)],
)
export type UserRow = typeof users.$inferSelect

/** Keys that sign tokens. The newest that is not retired signs; all of them are published. */
export const signingKeys = sqliteTable('signing_keys', {
  kid: text('kid').primaryKey(),
  /** JWK, public members only. */
  publicJwk: text('public_jwk').notNull(),
  /** The private JWK under AES-256-GCM: base64url of the 12-byte IV, `.`, base64url of the ciphertext. */
  privateJwk: text('private_jwk').notNull(),
  createdAt: integer('created_at').notNull(),
  retiredAt: integer('retired_at'),
})

/** Answers kept for repeats under one `Idempotency-Key`, 24 hours. */
export const idempotencyKeys = sqliteTable(
  'idempotency_keys',
  {
    /** SHA-256 of principal, route and key. */
    key: text('key').primaryKey(),
    /** HMAC-SHA-256 of the canonical body: a plain hash would let a password be guessed from it. */
    bodyHash: text('body_hash').notNull(),
    /** Who wrote the row: tells the request that took effect from its repeats. */
    claim: text('claim').notNull(),
    /** The answer's body as it was sent. */
    response: text('response').notNull(),
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

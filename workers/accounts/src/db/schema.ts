import type { GrantType, Permission, Scope, UserStatus } from '@menagerie/contracts'
// biome-ignore lint/suspicious/noDeprecatedImports: only one of its two signatures is, and not the one used
import { index, integer, primaryKey, sqliteTable, text } from 'drizzle-orm/sqlite-core'

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
    roles: text('roles', { mode: 'json' }).$type<string[]>().notNull(),
    status: text('status').$type<UserStatus>().notNull(),
    locale: text('locale'),
    timeZone: text('time_zone'),
    createdAt: integer('created_at').notNull(),
    passwordChangedAt: integer('password_changed_at'),
    /** Whether a second factor that is set up is asked for at every sign-in, not for critical actions alone. */
    secondFactorAtSignIn: integer('second_factor_at_sign_in', { mode: 'boolean' })
      .notNull()
      .default(true),
    /** JSON of the user's own apps. */
    preferences: text('preferences').notNull().default('{}'),
  },
  (table) => [
    index('users_created_at').on(table.createdAt, table.id),
    index('users_status').on(table.status, table.createdAt, table.id),
    index('users_status_username').on(table.status, table.username),
  ],
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
  (table) => [
    index('idempotency_keys_expires_at').on(table.expiresAt),
    index('idempotency_keys_claim').on(table.claim),
  ],
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

/** Who holds which role, for lists by role in either order; kept by triggers on `users`. */
export const userRoles = sqliteTable(
  'user_roles',
  {
    role: text('role').notNull(),
    userId: text('user_id').notNull(),
    createdAt: integer('created_at').notNull(),
    username: text('username').notNull().default(''),
    status: text('status').$type<UserStatus>().notNull().default('pending'),
  },
  (table) => [
    primaryKey({ columns: [table.userId, table.role] }),
    index('user_roles_role').on(table.role, table.createdAt, table.userId),
    index('user_roles_username').on(table.role, table.username),
    index('user_roles_status').on(table.role, table.status, table.createdAt, table.userId),
    index('user_roles_status_username').on(table.role, table.status, table.username),
  ],
)

/** Roles that administrators made; those built in are in contracts. */
export const roles = sqliteTable('roles', {
  name: text('name').primaryKey(),
  description: text('description'),
  permissions: text('permissions', { mode: 'json' }).$type<Permission[]>().notNull(),
  createdAt: integer('created_at').notNull(),
  updatedAt: integer('updated_at').notNull(),
})

/** OAuth clients that administrators registered; `CLIENT_ID` and `bridge` are settings. */
export const oauthClients = sqliteTable('oauth_clients', {
  id: text('id').primaryKey(),
  type: text('type').$type<'public' | 'confidential'>().notNull(),
  name: text('name').notNull(),
  /** SHA-256 of the secret, hex: it has 256 random bits. `null` for public clients. */
  secretHash: text('secret_hash'),
  redirectUris: text('redirect_uris', { mode: 'json' }).$type<string[]>().notNull(),
  postLogoutRedirectUris: text('post_logout_redirect_uris', { mode: 'json' })
    .$type<string[]>()
    .notNull(),
  grantTypes: text('grant_types', { mode: 'json' }).$type<GrantType[]>().notNull(),
  scopes: text('scopes', { mode: 'json' }).$type<Scope[]>().notNull(),
  roles: text('roles', { mode: 'json' }).$type<string[]>().notNull(),
  firstParty: integer('first_party', { mode: 'boolean' }).notNull(),
  createdAt: integer('created_at').notNull(),
  updatedAt: integer('updated_at').notNull(),
})

/** Authenticator apps (RFC 6238): at most one confirmed and one waiting for its first code for each account. */
export const totp = sqliteTable(
  'totp',
  {
    userId: text('user_id').notNull(),
    state: text('state').$type<'pending' | 'active'>().notNull(),
    /** The secret under AES-256-GCM, as private keys are. */
    secret: text('secret').notNull(),
    /** The last time step a code was taken for: no code works twice. */
    lastStep: integer('last_step').notNull().default(0),
    createdAt: integer('created_at').notNull(),
    /** When a pending one is void. */
    expiresAt: integer('expires_at'),
  },
  (table) => [primaryKey({ columns: [table.userId, table.state] })],
)

/** Recovery codes; a new set replaces the old one. */
export const recoveryCodes = sqliteTable(
  'recovery_codes',
  {
    userId: text('user_id').notNull(),
    /** HMAC-SHA-256 of the code under a key of our own, hex. */
    codeHash: text('code_hash').notNull(),
    createdAt: integer('created_at').notNull(),
    usedAt: integer('used_at'),
  },
  (table) => [primaryKey({ columns: [table.userId, table.codeHash] })],
)

/** Passkeys (WebAuthn §4, public key credential source). */
export const passkeys = sqliteTable(
  'passkeys',
  {
    /** The credential's id, base64url. */
    id: text('id').primaryKey(),
    userId: text('user_id').notNull(),
    name: text('name').notNull(),
    /** COSE, base64url. */
    publicKey: text('public_key').notNull(),
    counter: integer('counter').notNull(),
    transports: text('transports', { mode: 'json' }).$type<string[]>().notNull(),
    backedUp: integer('backed_up', { mode: 'boolean' }).notNull(),
    createdAt: integer('created_at').notNull(),
    lastUsedAt: integer('last_used_at'),
  },
  (table) => [index('passkeys_user').on(table.userId)],
)

/** What somebody must still show: a second factor, a code, a link's token, a passkey's signature. Each is good once. */
export const challenges = sqliteTable(
  'challenges',
  {
    /** SHA-256 of the token that names it, hex. */
    id: text('id').primaryKey(),
    kind: text('kind').notNull(),
    /** Whose; `null` where a name nobody has was asked for, so that nobody can tell. */
    userId: text('user_id'),
    /** What it needs besides, as JSON: an address, the HMAC of a code, a WebAuthn challenge, a sign-in's client. */
    data: text('data').notNull(),
    /** Tries so far; counted before each is looked at. */
    attempts: integer('attempts').notNull().default(0),
    expiresAt: integer('expires_at').notNull(),
    usedAt: integer('used_at'),
  },
  (table) => [
    index('challenges_user').on(table.userId, table.kind),
    index('challenges_expires_at').on(table.expiresAt),
  ],
)

export const invitations = sqliteTable(
  'invitations',
  {
    id: text('id').primaryKey(),
    /** SHA-256 of the token in the link, hex. */
    tokenHash: text('token_hash').notNull().unique(),
    email: text('email'),
    phoneNumber: text('phone_number'),
    displayName: text('display_name'),
    roles: text('roles', { mode: 'json' }).$type<string[]>().notNull(),
    invitedBy: text('invited_by').notNull(),
    createdAt: integer('created_at').notNull(),
    expiresAt: integer('expires_at').notNull(),
    acceptedAt: integer('accepted_at'),
  },
  (table) => [index('invitations_created_at').on(table.createdAt, table.id)],
)

/**
 * What a change of an account or a role still has to do at `UserSessions`, kept in the batch of the change so that it
 * outlives the isolate. A row goes when it is done.
 */
export const sessionWork = sqliteTable(
  'session_work',
  {
    id: text('id').primaryKey(),
    task: text('task')
      .$type<'expire-tokens' | 'end-sessions' | 'revoke-sessions' | 'erase' | 'forget-words'>()
      .notNull(),
    /** One account; or else everybody who holds `role`. */
    userId: text('user_id'),
    role: text('role'),
    /** The last holder that is done: holders are walked by (`created_at`, `user_id`). */
    afterCreatedAt: integer('after_created_at').notNull().default(-1),
    afterUserId: text('after_user_id').notNull().default(''),
    traceparent: text('traceparent'),
    dueAt: integer('due_at').notNull(),
  },
  (table) => [index('session_work_due').on(table.dueAt)],
)

import { type AppEnv, CommonSettings, envValidator } from '@menagerie/core'
import type { LoginGuard } from '@menagerie/durable-objects/login-guard'
import type { OAuthStore } from '@menagerie/durable-objects/oauth-store'
import type { OutboxSweeper } from '@menagerie/durable-objects/outbox-sweeper'
import type { UserSessions } from '@menagerie/durable-objects/user-sessions'
import { z } from 'zod'

const seconds = z.string().regex(/^[1-9]\d*$/, 'must be a whole number of seconds')
const length = z.string().regex(/^([89]|[1-6]\d)$/, 'must be between 8 and 69')
const secret = z.string().min(32, 'must have at least 32 characters')

/** The settings of accounts; bindings are declared in wrangler.toml. */
export const Settings = CommonSettings.extend({
  ACCESS_TOKEN_SECONDS: seconds,
  REFRESH_TOKEN_SECONDS: seconds,
  /** bcrypt's cost: each step doubles the time of a sign-in. */
  BCRYPT_COST: z.string().regex(/^([4-9]|1[0-5])$/, 'must be between 4 and 15'),
  /** Encrypts the private signing keys and keys what is derived for refresh tokens. */
  KEY_ENCRYPTION_KEY: secret,
  /** Signs list cursors. */
  CURSOR_KEY: secret,
  /** What the client `bridge` shows for its own token. */
  BRIDGE_CLIENT_SECRET: secret,
  /** Seals codes and links on their way to notifications, which has it too. */
  DELIVERY_KEY: secret,
  /** Whether administrators must show a second factor at every sign-in. */
  REQUIRE_ADMIN_SECOND_FACTOR: z.enum(['true', 'false']),
  PASSWORD_MIN_LENGTH: length,
  PASSWORD_MIN_LENGTH_WITH_SECOND_FACTOR: length,
  /** Tries to sign in from one address. */
  SIGN_INS_PER_MINUTE: z.string().regex(/^[1-9]\d*$/, 'must be a whole number'),
  /** After how long another key signs. */
  KEY_ROTATION_DAYS: z.string().regex(/^[1-9]\d*$/, 'must be a whole number of days'),
})
export type Settings = z.infer<typeof Settings>

/** Reads the settings, checked once for each env. */
export const settingsOf = envValidator(Settings)

/** What the Worker is given: settings and bindings. */
export interface Env extends Settings {
  DB: D1Database
  USER_SESSIONS: DurableObjectNamespace<UserSessions>
  LOGIN_GUARD: DurableObjectNamespace<LoginGuard>
  OAUTH_STORE: DurableObjectNamespace<OAuthStore>
  OUTBOX_SWEEPER: DurableObjectNamespace<OutboxSweeper>
  HISTORY_QUEUE: Queue
  RULES_QUEUE: Queue
  REVOCATIONS_QUEUE: Queue
  DELIVERIES_QUEUE: Queue
  AUDIT_QUEUE: Queue
}

export interface App extends AppEnv {
  Bindings: Env
}

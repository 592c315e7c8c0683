import { type AppEnv, CommonSettings, envValidator } from '@menagerie/core'
import type { OutboxSweeper } from '@menagerie/durable-objects/outbox-sweeper'
import type { UserSessions } from '@menagerie/durable-objects/user-sessions'
import { z } from 'zod'

const seconds = z.string().regex(/^[1-9]\d*$/, 'must be a whole number of seconds')
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
})
export type Settings = z.infer<typeof Settings>

/** Reads the settings, checked once for each env. */
export const settingsOf = envValidator(Settings)

/** What the Worker is given: settings and bindings. */
export interface Env extends Settings {
  DB: D1Database
  USER_SESSIONS: DurableObjectNamespace<UserSessions>
  OUTBOX_SWEEPER: DurableObjectNamespace<OutboxSweeper>
  HISTORY_QUEUE: Queue
  RULES_QUEUE: Queue
  REVOCATIONS_QUEUE: Queue
}

export interface App extends AppEnv {
  Bindings: Env
}

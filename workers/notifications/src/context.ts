import { type AppEnv, CommonSettings, envValidator, type ServiceTokenMinter } from '@menagerie/core'
import type { Mailbox } from '@menagerie/durable-objects/mailbox'
import type { UserSessions } from '@menagerie/durable-objects/user-sessions'
import { z } from 'zod'

/** The settings of notifications; bindings are declared in wrangler.toml. */
export const Settings = CommonSettings.extend({
  /** An e-mail API of Resend's shape. */
  EMAIL_API_URL: z.url({ protocol: /^https?$/ }),
  EMAIL_API_KEY: z.string().min(1),
  /** Whom e-mails come from: an address, or `Name <address>`. */
  EMAIL_FROM: z.string().min(3).max(320),
  /** Signs list cursors. */
  CURSOR_KEY: z.string().min(32),
})
export type Settings = z.infer<typeof Settings>

/** Reads the settings, checked once for each env. */
export const settingsOf = envValidator(Settings)

/** What the Worker is given: settings and bindings. */
export interface Env extends Settings {
  DB: D1Database
  MAILBOX: DurableObjectNamespace<Mailbox>
  USER_SESSIONS: DurableObjectNamespace<UserSessions>
  ACCOUNTS: Fetcher
  SERVICE_TOKENS: ServiceTokenMinter
  DELIVERIES_QUEUE: Queue
  HISTORY_QUEUE: Queue
  WEBHOOKS_QUEUE: Queue
}

export interface App extends AppEnv {
  Bindings: Env
}

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
  /** A carrier with Twilio's API, which takes SMS. */
  CARRIER_API_URL: z.url({ protocol: /^https?$/ }),
  /** The number that SMS come from, E.164; empty where none are sent. */
  CARRIER_NUMBER: z.union([z.literal(''), z.string().regex(/^\+[1-9]\d{6,14}$/)]),
  CARRIER_ACCOUNT_SID: z.string().regex(/^[A-Za-z0-9]{1,64}$/),
  CARRIER_AUTH_TOKEN: z.string().min(16),
  /** Opens codes and links that accounts sealed. */
  DELIVERY_KEY: z.string().min(32),
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

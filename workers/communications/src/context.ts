import { type AppEnv, CommonSettings, envValidator } from '@menagerie/core'
import type { CallRoom } from '@menagerie/durable-objects/call-room'
import type { UserSessions } from '@menagerie/durable-objects/user-sessions'
import { z } from 'zod'

/** The settings of communications; bindings are declared in wrangler.toml. */
export const Settings = CommonSettings.extend({
  /** Which of the carriers places calls. */
  CARRIER: z.enum(['twilio']),
  CARRIER_API_URL: z.url({ protocol: /^https?$/ }),
  /** The number that calls when the caller chooses none, E.164; empty where every caller must choose. */
  CARRIER_NUMBER: z.union([z.literal(''), z.string().regex(/^\+[1-9]\d{6,14}$/)]),
  CARRIER_ACCOUNT_SID: z.string().regex(/^[A-Za-z0-9]{1,64}$/),
  CARRIER_AUTH_TOKEN: z.string().min(16),
  /** Signs list cursors. */
  CURSOR_KEY: z.string().min(32),
})
export type Settings = z.infer<typeof Settings>

/** Reads the settings, checked once for each env. */
export const settingsOf = envValidator(Settings)

/** What the Worker is given: settings and bindings. */
export interface Env extends Settings {
  DB: D1Database
  CALL_ROOM: DurableObjectNamespace<CallRoom>
  USER_SESSIONS: DurableObjectNamespace<UserSessions>
  ACCOUNTS: Fetcher
  HISTORY_QUEUE: Queue
  RULES_QUEUE: Queue
  WEBHOOKS_QUEUE: Queue
}

export interface App extends AppEnv {
  Bindings: Env
}

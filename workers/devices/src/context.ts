import { type AppEnv, CommonSettings, envValidator } from '@menagerie/core'
import type { BridgeLink } from '@menagerie/durable-objects/bridge-link'
import type { DeviceTwin } from '@menagerie/durable-objects/device-twin'
import type { OutboxSweeper } from '@menagerie/durable-objects/outbox-sweeper'
import type { UserSessions } from '@menagerie/durable-objects/user-sessions'
import { z } from 'zod'

/** The settings of devices; bindings are declared in wrangler.toml. */
export const Settings = CommonSettings.extend({
  /** How the broker knows passwords: it asks us over HTTP, or the bridge tells it. */
  BROKER_ACCESS: z.enum(['ask', 'tell']),
  /** What a broker that asks must show. */
  BROKER_SECRET: z.string().min(16),
  /** Seals passwords that wait for a bridge. */
  LINK_KEY: z.string().min(32),
  /** Signs list cursors. */
  CURSOR_KEY: z.string().min(32),
})
export type Settings = z.infer<typeof Settings>

/** Reads the settings, checked once for each env. */
export const settingsOf = envValidator(Settings)

/** What the Worker is given: settings and bindings. */
export interface Env extends Settings {
  DB: D1Database
  DEVICE_TWIN: DurableObjectNamespace<DeviceTwin>
  BRIDGE_LINK: DurableObjectNamespace<BridgeLink>
  OUTBOX_SWEEPER: DurableObjectNamespace<OutboxSweeper>
  USER_SESSIONS: DurableObjectNamespace<UserSessions>
  ACCOUNTS: Fetcher
  HISTORY_QUEUE: Queue
  RULES_QUEUE: Queue
  WEBHOOKS_QUEUE: Queue
  DEAD_LETTERS_QUEUE: Queue
}

export interface App extends AppEnv {
  Bindings: Env
}

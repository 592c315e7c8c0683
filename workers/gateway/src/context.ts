import { type AppEnv, CommonSettings, envValidator, type ServiceTokenMinter } from '@menagerie/core'
import type { AgentDesk } from '@menagerie/durable-objects/agent-desk'
import type { BridgeLink } from '@menagerie/durable-objects/bridge-link'
import type { CallRoom } from '@menagerie/durable-objects/call-room'
import type { ContactQueue } from '@menagerie/durable-objects/contact-queue'
import type { Conversation } from '@menagerie/durable-objects/conversation'
import type { DeviceTwin } from '@menagerie/durable-objects/device-twin'
import type { Mailbox } from '@menagerie/durable-objects/mailbox'
import type { MetricsHub } from '@menagerie/durable-objects/metrics-hub'
import type { UserSessions } from '@menagerie/durable-objects/user-sessions'
import { z } from 'zod'

const originsOf = (text = ''): string[] =>
  text
    .split(',')
    .map((origin) => origin.trim())
    .filter((origin) => origin !== '')

const Settings = CommonSettings.extend({
  /** What a scraper of `/metrics` must show. */
  SCRAPE_TOKEN: z.string().min(16),
  /** Origins of browser apps on other hosts, separated by commas. */
  CORS_ORIGINS: z
    .string()
    .refine(
      (text) => originsOf(text).every((origin) => /^https?:/.test(origin) && URL.canParse(origin)),
      'must be origins such as https://app.example.com, separated by commas',
    )
    .optional(),
})

/** What the gateway is given: settings and bindings. */
export interface Env extends z.infer<typeof Settings> {
  ASSETS: Fetcher
  ACCOUNTS: Fetcher
  COMMUNICATIONS: Fetcher
  DEVICES: Fetcher
  NOTIFICATIONS: Fetcher
  REPORTS: Fetcher
  ADMIN: Fetcher
  SERVICE_TOKENS: ServiceTokenMinter
  USER_SESSIONS: DurableObjectNamespace<UserSessions>
  CALL_ROOM: DurableObjectNamespace<CallRoom>
  AGENT_DESK: DurableObjectNamespace<AgentDesk>
  CONTACT_QUEUE: DurableObjectNamespace<ContactQueue>
  CONVERSATION: DurableObjectNamespace<Conversation>
  DEVICE_TWIN: DurableObjectNamespace<DeviceTwin>
  BRIDGE_LINK: DurableObjectNamespace<BridgeLink>
  MAILBOX: DurableObjectNamespace<Mailbox>
  METRICS_HUB: DurableObjectNamespace<MetricsHub>
  RATE_LIMIT_AUTH: RateLimit
  RATE_LIMIT_API: RateLimit
  RATE_LIMIT_WEBHOOK: RateLimit
}

export const settings = envValidator(Settings)

export interface App extends AppEnv {
  Bindings: Env
}

/** Origins whose pages may call the API: our own and those of the setting. */
export const allowedOrigins = (env: Env): string[] =>
  [env.PUBLIC_URL, ...originsOf(env.CORS_ORIGINS)].map((origin) => new URL(origin).origin)

import { IceServer } from '@menagerie/contracts'
import { type AppEnv, CommonSettings, envValidator, type ServiceTokenMinter } from '@menagerie/core'
import type { AgentDesk } from '@menagerie/durable-objects/agent-desk'
import type { CallRoom } from '@menagerie/durable-objects/call-room'
import type { ContactQueue } from '@menagerie/durable-objects/contact-queue'
import type { Conversation } from '@menagerie/durable-objects/conversation'
import type { UserSessions } from '@menagerie/durable-objects/user-sessions'
import { z } from 'zod'

function isIceServers(text: string): boolean {
  try {
    return z.array(IceServer).safeParse(JSON.parse(text)).success
  } catch {
    return false
  }
}

/** The settings of communications; bindings are declared in wrangler.toml. */
export const Settings = CommonSettings.extend({
  /** Which of the carriers places calls. */
  CARRIER: z.enum(['twilio']),
  CARRIER_API_URL: z.url({ protocol: /^https?$/ }),
  /** The number that calls when the caller chooses none, E.164; empty where every caller must choose. */
  CARRIER_NUMBER: z.union([z.literal(''), z.string().regex(/^\+[1-9]\d{6,14}$/)]),
  CARRIER_ACCOUNT_SID: z.string().regex(/^[A-Za-z0-9]{1,64}$/),
  CARRIER_AUTH_TOKEN: z.string().min(16),
  /** The token before, while it is being changed: what it signs is still taken. */
  CARRIER_SECONDARY_AUTH_TOKEN: z.string().min(16).optional(),
  /** `RTCIceServer`s for browsers, as JSON. */
  ICE_SERVERS: z
    .string()
    .default('[]')
    .refine(isIceServers, 'must be a JSON array of RTCIceServer'),
  /** Shared with the TURN server: `turn:` addresses get a name and a password for an hour. */
  TURN_SECRET: z.string().min(16).optional(),
  /** Calls that an account may start in a minute. */
  CALL_STARTS_PER_MINUTE: z
    .string()
    .regex(/^[1-9]\d{0,6}$/)
    .default('30'),
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
  AGENT_DESK: DurableObjectNamespace<AgentDesk>
  CONTACT_QUEUE: DurableObjectNamespace<ContactQueue>
  CONVERSATION: DurableObjectNamespace<Conversation>
  USER_SESSIONS: DurableObjectNamespace<UserSessions>
  ACCOUNTS: Fetcher
  SERVICE_TOKENS: ServiceTokenMinter
  HISTORY_QUEUE: Queue
  RULES_QUEUE: Queue
  WEBHOOKS_QUEUE: Queue
}

export interface App extends AppEnv {
  Bindings: Env
}

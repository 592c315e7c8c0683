import type { Conversation, Message, MessageChannel, SentMessage } from '@menagerie/contracts'
import type { Principal, Result } from '@menagerie/core'
import type { Ticket } from '../journal/types.ts'
import type { UserSessions } from '../user-sessions/index.ts'
import type { MessageReport } from './conversation-types.ts'

/** What the object is given by the Worker that owns it. */
export interface ConversationEnv {
  DB: D1Database
  HISTORY_QUEUE: Queue
  RULES_QUEUE: Queue
  WEBHOOKS_QUEUE: Queue
  USER_SESSIONS: DurableObjectNamespace<UserSessions>
  PUBLIC_URL: string
  BOOT_ID: string
  CLOCK_OFFSET_MS?: string
  CARRIER_API_URL: string
  /** The number that texts leave from; empty where the deployment has none. */
  CARRIER_NUMBER: string
  CARRIER_ACCOUNT_SID: string
  CARRIER_AUTH_TOKEN: string
}

/** Where an RPC comes from, for the journal and the log. */
export interface ConversationContext {
  requestId?: string
  traceparent?: string
}

/** What somebody wants to say. */
export interface MessageContent {
  body: string
  mediaUrls: string[]
  clientMessageId: string | null
  /** Milliseconds since the epoch. */
  sendAt: number | null
}

export interface SendCommand {
  /** The message's id, derived from the key where there is one. */
  id: string
  /** The object's name, see `conversationIdOf`. */
  conversationId: string
  channel: MessageChannel
  /** Whose conversation it is, normalised: it begins with this message; `null` for one that must be there. */
  customer: string | null
  /** The caller's idempotency key; `null` when the caller gave none. */
  key: string | null
  content: MessageContent
}

export interface Sent {
  message: SentMessage
  /** True when it had been sent before and nothing happened. */
  replayed: boolean
}

/** A message that came in at the carrier, out of a webhook whose signature was checked. */
export interface InboundMessage {
  /** Given by the Worker: the same webhook gives the same id. */
  id: string
  conversationId: string
  channel: MessageChannel
  /** The carrier's id: it comes in once. */
  sid: string
  /** The customer, normalised. */
  from: string
  /** The number of ours. */
  to: string
  body: string
  mediaUrls: string[]
}

export interface MessagesPage {
  messages: Message[]
  /** The number to go on before; missing on the last page. */
  nextBeforeSeq?: number
}

export type ConversationError =
  | { code: 'not_found' }
  | { code: 'forbidden' }
  /** It does not fit how the conversation stands. */
  | { code: 'conflict' }
  /** The conversation is on another channel. */
  | { code: 'other_channel' }
  /** The deployment has no number to send from. */
  | { code: 'no_number' }
  | { code: 'idempotency_mismatch' }
  | { code: 'payload_too_large' }
  | { code: 'overloaded' | 'storage_full'; retryAfterSeconds: number }

export interface Changed {
  conversation: Conversation
  replayed: boolean
}

/** The conversation over RPC. Written out, since the platform's own type gives up at values it cannot look into. */
export interface ConversationApi {
  send(
    principal: Principal,
    command: SendCommand,
    context?: ConversationContext,
  ): Promise<Result<Sent, ConversationError>>
  receive(
    message: InboundMessage,
    context?: ConversationContext,
  ): Promise<Result<Sent, ConversationError>>
  messageStatus(
    messageId: string,
    report: MessageReport,
    context?: ConversationContext,
  ): Promise<Result<null, ConversationError>>
  get(principal: Principal): Promise<Result<Conversation, ConversationError>>
  messages(
    principal: Principal,
    beforeSeq: number | null,
    limit: number,
  ): Promise<Result<MessagesPage, ConversationError>>
  assign(
    principal: Principal,
    agentId: string | null,
    key: string | null,
    context?: ConversationContext,
  ): Promise<Result<Changed, ConversationError>>
  resolve(
    principal: Principal,
    key: string | null,
    context?: ConversationContext,
  ): Promise<Result<Changed, ConversationError>>
  issueTicket(principal: Principal): Promise<Result<Ticket, ConversationError>>
  closeSession(sessionId: string, context?: ConversationContext): Promise<number>
}

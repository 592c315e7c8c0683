import { z } from '@hono/zod-openapi'
import {
  EmailAddress,
  freeText,
  Id,
  PageQuery,
  PhoneNumber,
  queryInteger,
  Timestamp,
} from './primitives.ts'

export const MessageChannel = z.enum(['sms', 'chat', 'whatsapp', 'email'])
export type MessageChannel = z.infer<typeof MessageChannel>

export const messageStatuses = [
  'queued',
  'sent',
  'delivered',
  'read',
  'failed',
  'received',
] as const
export const MessageStatus = z.enum(messageStatuses)
export type MessageStatus = z.infer<typeof MessageStatus>

export const SendMessageRequest = z
  .strictObject({
    conversationId: Id.optional(),
    to: z.union([PhoneNumber, EmailAddress, z.string().regex(/^user:[0-9a-f-]{36}$/)]).optional(),
    channel: MessageChannel,
    body: freeText(10_000),
    mediaUrls: z
      .array(z.url({ protocol: /^https$/ }).max(2048))
      .max(10)
      .optional(),
    clientMessageId: z.string().min(1).max(255).optional(),
    sendAt: Timestamp.optional(),
  })
  .refine(
    ({ conversationId, to }) => (conversationId === undefined) !== (to === undefined),
    'needs either conversationId or to',
  )
  .openapi('SendMessageRequest')
export type SendMessageRequest = z.infer<typeof SendMessageRequest>

export const SentMessage = z
  .strictObject({ id: Id, conversationId: Id, seq: z.number().int(), status: MessageStatus })
  .openapi('SentMessage')
export type SentMessage = z.infer<typeof SentMessage>

export const Message = z
  .strictObject({
    id: Id,
    conversationId: Id,
    /** Number of the event that created it. */
    seq: z.number().int(),
    direction: z.enum(['inbound', 'outbound']),
    channel: MessageChannel,
    /** An account's id, a phone number or an e-mail address. */
    from: z.string(),
    to: z.string(),
    body: z.string(),
    mediaUrls: z.array(z.string()),
    clientMessageId: z.string().nullable(),
    status: MessageStatus,
    /** Why it failed. */
    reason: z.string().nullable(),
    createdAt: Timestamp,
    updatedAt: Timestamp,
  })
  .openapi('Message')
export type Message = z.infer<typeof Message>

export const ConversationStatus = z.enum(['open', 'resolved'])
export type ConversationStatus = z.infer<typeof ConversationStatus>

export const Conversation = z
  .strictObject({
    id: Id,
    channel: MessageChannel,
    /** The customer's address on that channel. */
    customer: z.string(),
    status: ConversationStatus,
    assignedTo: Id.nullable(),
    /** Messages of the customer that nobody has read. */
    unread: z.number().int(),
    lastMessage: z.string().nullable(),
    lastMessageAt: Timestamp.nullable(),
    createdAt: Timestamp,
    seq: z.number().int(),
  })
  .openapi('Conversation')
export type Conversation = z.infer<typeof Conversation>

export const ConversationListQuery = PageQuery.extend({
  status: ConversationStatus.optional(),
  assignedTo: Id.optional(),
  customer: z.string().min(1).max(254).optional(),
})
export type ConversationListQuery = z.infer<typeof ConversationListQuery>

export const MessageListQuery = z.strictObject({
  /** Newest first: those before this number. */
  beforeSeq: queryInteger(1, Number.MAX_SAFE_INTEGER).optional(),
  cursor: queryInteger(1, Number.MAX_SAFE_INTEGER).optional(),
  limit: queryInteger(1, 200).default(50),
})
export type MessageListQuery = z.infer<typeof MessageListQuery>

export const AssignConversationRequest = z
  .strictObject({ agentId: Id.nullable() })
  .openapi('AssignConversationRequest')
export type AssignConversationRequest = z.infer<typeof AssignConversationRequest>

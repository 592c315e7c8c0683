import type { ConversationStatus, MessageChannel, MessageStatus } from '@menagerie/contracts'
import type { JsonObject } from '@menagerie/core'
import type { TimerChange } from '../journal/types.ts'

/** What a conversation is from its first moment on. Times are milliseconds since the epoch. */
export interface ConversationDetails {
  id: string
  channel: MessageChannel
  /** The customer's address on that channel, normalised. */
  customer: string
  createdAt: number
}

/** What the journal keeps of the conversation as a whole; its messages lie in a table of their own. */
export interface ConversationState {
  details: ConversationDetails
  status: ConversationStatus
  assignedTo: string | null
  /** Messages of the customer that nobody has read. */
  unread: number
  /** The number of ours that the customer wrote to last: answers come from there. */
  line: string | null
  /** The beginning of the newest message. */
  last: { text: string; at: number } | null
}

export interface MessageState {
  id: string
  /** Number of its `message.created`; `null` while it waits for its time. */
  seq: number | null
  /** Number of the event that its sender was told. */
  acceptedSeq: number
  direction: 'inbound' | 'outbound'
  channel: MessageChannel
  from: string
  to: string
  body: string
  mediaUrls: string[]
  /** The account that wrote it; `null` where it came in at the carrier. */
  author: string | null
  clientMessageId: string | null
  /** As asked for, also when it has passed. */
  sendAt: number | null
  /** The carrier's id. */
  carrierSid: string | null
  status: MessageStatus
  reason: string | null
  createdAt: number
  updatedAt: number
  /** Of who sent it, so that what a timer does later belongs to the same trace. */
  traceparent: string | null
}

/** How a message stands at the carrier. */
export interface MessageReport {
  sid: string
  status: Extract<MessageStatus, 'queued' | 'sent' | 'delivered' | 'read' | 'failed'>
  reason: string | null
}

/** Which side of a conversation somebody is on. */
export type Side = 'customer' | 'staff'

export type ConversationInput =
  /** Somebody wrote; with a `sendAt` to come it waits for that. */
  | { type: 'message.written'; message: MessageState }
  /** The time of a waiting message has come. */
  | { type: 'timer.send'; message: MessageState }
  /** Nothing was heard of a message for a while; `round` counts the looks. */
  | { type: 'timer.check'; message: MessageState; round: number }
  | { type: 'carrier.report'; message: MessageState; report: MessageReport }
  /** It will never leave. */
  | { type: 'carrier.refused'; message: MessageState; reason: string }
  /** A socket of the other side has these. */
  | { type: 'messages.reached'; messages: MessageState[] }
  /** The other side has read these. */
  | { type: 'messages.read'; messages: MessageState[] }
  | { type: 'assign'; agentId: string | null }
  | { type: 'resolve' }

export interface ConversationEvent {
  type:
    | 'conversation.opened'
    | 'conversation.assigned'
    | 'conversation.resolved'
    | 'message.created'
    | 'message.updated'
    | 'message.status'
  data: JsonObject
}

export type ConversationEffect =
  | { type: 'carrier.send'; messageId: string }
  | { type: 'carrier.check'; messageId: string; round: number }
  /** Sees the conversation in its lists from now on. */
  | { type: 'member'; userId: string }
  | TimerChange

/** What one input leads to. The same `state`, no messages and no effects: it changes nothing. */
export interface ConversationStep {
  state: ConversationState
  /** Those that are new or have changed. */
  messages: MessageState[]
  events: ConversationEvent[]
  effects: ConversationEffect[]
}

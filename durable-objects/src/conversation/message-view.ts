import type { Conversation, Message } from '@menagerie/contracts'
import { type JsonObject, toTimestamp } from '@menagerie/core'
import type { ConversationState, MessageState } from './conversation-types.ts'

/** A conversation as the contract shows it. */
export const toConversation = (state: ConversationState, seq: number): Conversation => ({
  id: state.details.id,
  channel: state.details.channel,
  customer: state.details.customer,
  status: state.status,
  assignedTo: state.assignedTo,
  unread: state.unread,
  lastMessage: state.last?.text ?? null,
  lastMessageAt: state.last === null ? null : toTimestamp(state.last.at),
  createdAt: toTimestamp(state.details.createdAt),
  seq,
})

/** A message that is there, as the contract shows it. */
export const toMessage = (conversationId: string, message: MessageState): Message => ({
  id: message.id,
  conversationId,
  seq: message.seq ?? message.acceptedSeq,
  direction: message.direction,
  channel: message.channel,
  from: message.from,
  to: message.to,
  body: message.body,
  mediaUrls: message.mediaUrls,
  clientMessageId: message.clientMessageId,
  status: message.status,
  reason: message.reason,
  createdAt: toTimestamp(message.createdAt),
  updatedAt: toTimestamp(message.updatedAt),
})

/** What `message.created` tells: the message, whose number is the event's own. */
export function createdData(message: MessageState): JsonObject {
  const { id, direction, channel, from, to, body, mediaUrls, clientMessageId, status } = message
  return { id, direction, channel, from, to, body, mediaUrls, clientMessageId, status }
}

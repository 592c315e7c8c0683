import { eventRows, type JsonObject, makeEvent } from '@menagerie/core'
import type { JournalEvent, OutboxEntry } from '../journal/types.ts'
import type { ConversationEffect, ConversationStep, MessageState } from './conversation-types.ts'
import { toProjected } from './projection.ts'

/** What leaves the conversation because of one step: CloudEvents to the queues, the list's row, orders to the carrier. */
export function messagesOf(
  { state, messages, effects }: ConversationStep,
  events: readonly JournalEvent[],
  traceparent: string | undefined,
): OutboxEntry[] {
  const conversationId = state.details.id
  const last = events.at(-1)
  return [
    ...events.flatMap((event) => cloudEvent(conversationId, messages, event, traceparent)),
    ...effects.flatMap((effect) => order(conversationId, effect)),
    ...(last === undefined
      ? []
      : [
          {
            id: `${last.id}@projection`,
            destination: 'projection',
            body: toProjected(state, last.seq, effects) as unknown as JsonObject,
          },
        ]),
  ]
}

function cloudEvent(
  conversationId: string,
  messages: readonly MessageState[],
  event: JournalEvent,
  traceparent: string | undefined,
): OutboxEntry[] {
  if (event.type !== 'message.created' && event.type !== 'message.status') return []
  const about = messages.find(({ id }) => id === event.data?.id)
  if (about === undefined) return []
  const { id, channel, direction, from, to, status, reason } = about
  const message = { messageId: id, conversationId, channel, direction }
  const envelope = {
    id: event.id,
    source: `/conversations/${conversationId}`,
    subject: id,
    at: Date.parse(event.time),
    traceparent: traceparent ?? about.traceparent ?? undefined,
  }
  if (event.type === 'message.created') {
    const data = { ...message, from, to, createdAt: event.time }
    return rowsOf(makeEvent({ ...envelope, type: 'message.created.v1', data }))
  }
  const previousStatus = (event.data as { previousStatus: MessageState['status'] }).previousStatus
  const data = { ...message, status, previousStatus, reason, changedAt: event.time }
  return rowsOf(makeEvent({ ...envelope, type: 'message.status.changed.v1', data }))
}

const rowsOf = (event: Parameters<typeof eventRows>[0]): OutboxEntry[] =>
  eventRows(event).map(({ id, destination, body }) => ({
    id,
    destination,
    body: body as unknown as JsonObject,
  }))

function order(conversationId: string, effect: ConversationEffect): OutboxEntry[] {
  if (effect.type !== 'carrier.send' && effect.type !== 'carrier.check') return []
  const { messageId } = effect
  const name = effect.type === 'carrier.send' ? 'send' : `check-${effect.round}`
  return [
    {
      id: `conversations/${conversationId}:${messageId}:${name}`,
      destination: 'carrier',
      body: { type: effect.type, messageId },
    },
  ]
}

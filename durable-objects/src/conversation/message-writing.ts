import type { SentMessage } from '@menagerie/contracts'
import { err, type JsonObject, ok, type Result } from '@menagerie/core'
import type {
  ConversationContext,
  ConversationError,
  InboundMessage,
  MessageContent,
  Sent,
} from './conversation-api.ts'
import { type Asked, type ConversationRecords, inputOf } from './conversation-records.ts'
import { begin, step, unchanged } from './conversation-state.ts'
import { findByClientId } from './conversation-tables.ts'
import type { ConversationDetails, ConversationState, MessageState } from './conversation-types.ts'

/** A conversation that begins with a message. */
export type NewDetails = Omit<ConversationDetails, 'createdAt'>

interface Addressed {
  id: string
  direction: MessageState['direction']
  from: string
  to: string
}

/** A message that somebody with an account writes. */
export interface Written extends Addressed {
  author: string
  content: MessageContent
}

/**
 * Keeps a message, or finds the one it repeats: of an author, a `clientMessageId` says one thing.
 *
 * @param details of the conversation, which the first message makes
 */
export function sendMessage(
  records: ConversationRecords,
  details: NewDetails,
  written: Written,
  asked: Asked,
): Result<Sent, ConversationError> {
  const { content, ...about } = written
  const known = repeatOf(records, written)
  if (known !== undefined)
    return isSame(known, content)
      ? ok({ message: answerOf(details.id, known.id, known.acceptedSeq), replayed: true })
      : err({ code: 'idempotency_mismatch' })
  const body = { ...asked.body, ...content } as unknown as JsonObject
  return write(records, details, { ...about, carrierSid: null, ...content }, { ...asked, body })
}

/** Keeps a message that came in at the carrier, once for each of the carrier's ids. */
export function receiveMessage(
  records: ConversationRecords,
  inbound: InboundMessage,
  context: ConversationContext,
): Result<Sent, ConversationError> {
  const { id, conversationId, channel, sid, from, to, body, mediaUrls } = inbound
  const known = records.message(id) ?? records.messageOf(sid)
  if (known !== undefined)
    return ok({ message: answerOf(conversationId, known.id, known.acceptedSeq), replayed: true })
  const written = {
    ...{ id, direction: 'inbound' as const, from, to, author: null, carrierSid: sid },
    ...{ body, mediaUrls, clientMessageId: null, sendAt: null },
  }
  const asked = { actor: 'carrier', source: 'webhook', id: sid, body: {}, context } as const
  return write(records, { id: conversationId, channel, customer: from }, written, asked)
}

function repeatOf(records: ConversationRecords, written: Written): MessageState | undefined {
  if (!records.journal.exists) return undefined
  const { id, author, content } = written
  const { clientMessageId } = content
  const named =
    clientMessageId === null
      ? undefined
      : findByClientId(records.host.exec, author, clientMessageId)
  // The id may come from the caller's key, so this is a repeat that comes after the journal forgot the key.
  return named ?? records.message(id)
}

function write(
  records: ConversationRecords,
  details: NewDetails,
  written: Addressed & MessageContent & Pick<MessageState, 'author' | 'carrierSid'>,
  asked: Asked,
): Result<Sent, ConversationError> {
  const { id: conversationId, channel } = details
  const decide = (state: ConversationState | undefined, now: number) => {
    const before = state === undefined ? begin({ ...details, createdAt: now }) : unchanged(state)
    const message: MessageState = {
      ...written,
      seq: null,
      acceptedSeq: 0,
      channel,
      status: 'queued',
      reason: null,
      createdAt: now,
      updatedAt: now,
      traceparent: asked.context?.traceparent ?? null,
    }
    const next = step(before.state, { type: 'message.written', message }, now)
    const both = {
      ...next,
      events: [...before.events, ...next.events],
      effects: [...before.effects, ...next.effects],
    }
    // The last event is the message's own.
    const seq = records.headSeq + both.events.length
    return records.decide(both, { id: message.id, seq }, asked.context)
  }
  const kept = records.keepFirst(conversationId, inputOf(asked), decide)
  if (!kept.ok) return kept
  const { outcome, replayed } = kept.value
  return ok({ message: answerOf(conversationId, outcome.id, outcome.seq), replayed })
}

const isSame = (known: MessageState, { body, mediaUrls, sendAt }: MessageContent): boolean =>
  known.body === body &&
  known.sendAt === sendAt &&
  JSON.stringify(known.mediaUrls) === JSON.stringify(mediaUrls)

/** What its sender is told. */
const answerOf = (conversationId: string, id: string, seq: number): SentMessage => ({
  id,
  conversationId,
  seq,
  status: 'queued',
})

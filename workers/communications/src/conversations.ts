import { AppError, toTraceparent } from '@menagerie/core'
import type {
  ConversationApi,
  ConversationContext,
  ConversationError,
} from '@menagerie/durable-objects/conversation'
import type { Context } from 'hono'
import type { App, Env } from './context.ts'

/** A conversation. Asked before its first message, it answers `not_found`. */
export const conversationOf = (env: Env, id: string) =>
  env.CONVERSATION.getByName(id) as unknown as ConversationApi & Pick<Fetcher, 'fetch'>

/** What a conversation's journal and log keep of the request. */
export const conversationContext = (c: Context<App>): ConversationContext => ({
  requestId: c.get('requestId'),
  traceparent: toTraceparent(c.get('trace')),
})

/** A conversation's refusal, as the problem that a client sees. */
export function toAppError(error: ConversationError): AppError {
  switch (error.code) {
    case 'not_found':
      return new AppError('not_found', 'There is no such conversation')
    case 'forbidden':
      return new AppError(
        'forbidden',
        'Without the permission conversations:write, write in your own chat',
      )
    case 'conflict':
      return new AppError('conflict', 'The conversation is resolved')
    case 'other_channel':
      return invalid('channel', 'must be the channel of the conversation')
    case 'no_number':
      return new AppError('unavailable', 'This deployment has no number to send from')
    case 'idempotency_mismatch':
      return new AppError(
        'idempotency_mismatch',
        'The Idempotency-Key or clientMessageId was used for another message; use a new one',
      )
    case 'payload_too_large':
      return new AppError('payload_too_large', 'The conversation cannot hold that much')
    case 'overloaded':
    case 'storage_full':
      return new AppError(error.code, 'The conversation cannot be served now', {
        retryAfterSeconds: error.retryAfterSeconds,
      })
  }
}

/** The value of a conversation's answer. @throws AppError for a refusal */
export function conversationValue<T>(
  result: { ok: true; value: T } | { ok: false; error: ConversationError },
): T {
  if (result.ok) return result.value
  throw toAppError(result.error)
}

/** A field of a request's body that does not fit the others. */
export const invalid = (field: string, detail: string): AppError =>
  new AppError('validation_failed', 'The message has fields that are not valid', {
    errors: [{ pointer: `/${field}`, code: 'invalid', detail }],
  })

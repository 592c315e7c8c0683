import { AppError, toTraceparent } from '@menagerie/core'
import type {
  ContactQueueApi,
  ContactQueueError,
  QueueContext,
} from '@menagerie/durable-objects/contact-queue'
import type { Context } from 'hono'
import type { App, Env } from './context.ts'

/** The object of a queue. Asked before it was made, or after it was removed, it answers `not_found`. */
export const queueOf = (env: Env, queueId: string) =>
  env.CONTACT_QUEUE.getByName(queueId) as unknown as DurableObjectStub & ContactQueueApi

/** What a queue's journal and log keep of the request. */
export const queueContextOf = (c: Context<App>): QueueContext => ({
  requestId: c.get('requestId'),
  traceparent: toTraceparent(c.get('trace')),
})

/** A queue's refusal, as the problem that a client sees. */
function toAppError(error: ContactQueueError): AppError {
  switch (error.code) {
    case 'not_found':
      return new AppError('not_found', 'There is no such queue')
    case 'forbidden':
      return new AppError('forbidden', 'This needs the permission queues:write')
    case 'conflict':
      return new AppError('conflict', 'Somebody waits in the queue')
    case 'precondition_failed':
      return new AppError(
        'precondition_failed',
        'The queue is not at the version that If-Match names; read it and make the change again',
      )
    case 'idempotency_mismatch':
      return new AppError(
        'idempotency_mismatch',
        'The Idempotency-Key was used for another request; use a new one',
      )
    case 'payload_too_large':
      return new AppError('payload_too_large', 'The queue cannot hold that much')
    case 'overloaded':
    case 'storage_full':
      return new AppError(error.code, 'The queue cannot be served now', {
        retryAfterSeconds: error.retryAfterSeconds,
      })
  }
}

/** The value of a queue's answer. @throws AppError for a refusal */
export function orThrow<T>(
  result: { ok: true; value: T } | { ok: false; error: ContactQueueError },
): T {
  if (result.ok) return result.value
  throw toAppError(result.error)
}

import { AppError, toTraceparent } from '@menagerie/core'
import type { CallContext, CallRoomApi, CallRoomError } from '@menagerie/durable-objects/call-room'
import type { Context } from 'hono'
import type { App, Env } from './context.ts'

/** The room of a call. Asked before it was opened, it answers `not_found`. */
export const roomOf = (env: Env, callId: string) =>
  env.CALL_ROOM.getByName(callId) as DurableObjectStub & CallRoomApi

/** What a room's journal and log keep of the request. */
export const contextOf = (c: Context<App>): CallContext => ({
  requestId: c.get('requestId'),
  traceparent: toTraceparent(c.get('trace')),
})

/** A room's refusal, as the problem that a client sees. */
export function toAppError(error: CallRoomError): AppError {
  switch (error.code) {
    case 'not_found':
      return new AppError('not_found', error.detail ?? 'There is no such call')
    case 'forbidden':
      return new AppError('forbidden', error.detail ?? 'This needs the permission calls:write')
    case 'conflict':
      return new AppError('conflict', error.detail ?? 'The call has ended')
    case 'validation_failed':
      return new AppError(error.code, error.detail)
    case 'idempotency_mismatch':
      return new AppError(
        'idempotency_mismatch',
        'The Idempotency-Key was used for another request; use a new one',
      )
    case 'payload_too_large':
      return new AppError('payload_too_large', 'The call cannot hold that much')
    case 'too_many_requests':
      return new AppError('too_many_requests', 'Too many calls were started in a minute', {
        retryAfterSeconds: error.retryAfterSeconds,
      })
    case 'overloaded':
    case 'storage_full':
      return new AppError(error.code, 'The call cannot be served now', {
        retryAfterSeconds: error.retryAfterSeconds,
      })
  }
}

/** The value of a room's answer. @throws AppError for a refusal */
export function orThrow<T>(
  result: { ok: true; value: T } | { ok: false; error: CallRoomError },
): T {
  if (result.ok) return result.value
  throw toAppError(result.error)
}

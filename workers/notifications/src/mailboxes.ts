import { AppError, type Principal, toTraceparent } from '@menagerie/core'
import {
  type MailboxApi,
  type MailboxContext,
  type MailboxError,
  mailboxOf,
} from '@menagerie/durable-objects/mailbox'
import type { Context } from 'hono'
import type { App, Env } from './context.ts'

/** The mailbox of that name. Asked before it was opened, it is empty or answers `not_found`. */
export const mailboxNamed = (env: Env, name: string) =>
  env.MAILBOX.getByName(name) as DurableObjectStub & MailboxApi

/** The name of the caller's own mailbox. */
export const ownMailbox = ({ id }: Principal): string => mailboxOf({ userId: id })

/** What a mailbox's journal and log keep of the request. */
export const contextOf = (c: Context<App>): MailboxContext => ({
  requestId: c.get('requestId'),
  traceparent: toTraceparent(c.get('trace')),
})

/** A mailbox's refusal, as the problem that a client sees. */
export function toAppError(error: MailboxError): AppError {
  switch (error.code) {
    case 'not_found':
      return new AppError('not_found', 'There is no such notification')
    case 'idempotency_mismatch':
      return new AppError(
        'idempotency_mismatch',
        'The Idempotency-Key was used for another request; use a new one',
      )
    case 'payload_too_large':
      return new AppError('payload_too_large', 'The mailbox cannot hold that much')
    case 'overloaded':
    case 'storage_full':
      return new AppError(error.code, 'The mailbox cannot be served now', {
        retryAfterSeconds: error.retryAfterSeconds,
      })
  }
}

/** The value of a mailbox's answer. @throws AppError for a refusal */
export function orThrow<T>(result: { ok: true; value: T } | { ok: false; error: MailboxError }): T {
  if (result.ok) return result.value
  throw toAppError(result.error)
}

import { AppError } from '@menagerie/core'
import type { AgentDeskApi, AgentDeskError } from '@menagerie/durable-objects/agent-desk'
import type { Env } from './context.ts'

/** The desk of an account. Asked before it was opened, it answers `not_found`. */
export const deskOf = (env: Env, userId: string) =>
  env.AGENT_DESK.getByName(userId.toLowerCase()) as DurableObjectStub & AgentDeskApi

/** A desk's refusal, as the problem that a client sees. @param what that is asked for */
export function deskProblem(
  error: AgentDeskError,
  what: 'agent' | 'reservation' = 'agent',
): AppError {
  switch (error.code) {
    case 'not_found':
      return new AppError('not_found', `There is no such ${what}`)
    case 'forbidden':
      return new AppError('forbidden', 'The token does not allow this')
    case 'conflict':
      return what === 'reservation'
        ? new AppError('conflict', 'The reservation has ended')
        : notChosen()
    case 'idempotency_mismatch':
      return new AppError(
        'idempotency_mismatch',
        'The Idempotency-Key was used for another request; use a new one',
      )
    case 'payload_too_large':
      return new AppError('payload_too_large', 'The desk cannot hold that much')
    case 'too_many_requests':
      return new AppError('too_many_requests', 'Too many calls were started in the last minute', {
        retryAfterSeconds: error.retryAfterSeconds,
      })
    case 'overloaded':
    case 'storage_full':
      return new AppError(error.code, 'The desk cannot be served now', {
        retryAfterSeconds: error.retryAfterSeconds,
      })
  }
}

/** The value of a desk's answer. @throws AppError for a refusal */
export function deskAnswer<T>(
  result: { ok: true; value: T } | { ok: false; error: AgentDeskError },
  what?: 'agent' | 'reservation',
): T {
  if (result.ok) return result.value
  throw deskProblem(result.error, what)
}

function notChosen(): AppError {
  const detail = 'after-contact-work follows a contact by itself and cannot be chosen'
  return new AppError('validation_failed', detail, {
    errors: [{ pointer: '/name', code: 'not_chosen', detail }],
  })
}

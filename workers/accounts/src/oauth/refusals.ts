import { AppError, toAppError } from '@menagerie/core'
import type { UserSessionsError } from '@menagerie/durable-objects/user-sessions'
import { errors } from 'oidc-provider'

/** What a session's owner refused, in OAuth's words (RFC 6749 §5.2). Why a grant is over is for the log alone. */
export function toOAuthError(error: UserSessionsError): errors.OIDCProviderError {
  switch (error.code) {
    case 'invalid_grant':
      return new errors.InvalidGrant(error.reason)
    case 'not_found':
      return new errors.InvalidGrant('no such session')
    case 'overloaded':
    case 'storage_full':
      return temporarilyUnavailable(error)
  }
}

/** What clients are told of it (RFC 6749 §4.1.2.1). */
export const awayMembers = {
  error: 'temporarily_unavailable',
  error_description: 'try again in a moment',
} as const

/** The same request may succeed in a moment: not the client's fault, so its tokens stay as they are. */
export const temporarilyUnavailable = (cause: unknown): errors.OIDCProviderError =>
  Object.assign(new errors.OIDCProviderError(503, awayMembers.error), {
    error_description: awayMembers.error_description,
    expose: true,
    cause,
  })

/**
 * Whether a part was away for a moment, and nothing is wrong with the request or with us: as the platform marks it, and what
 * D1 says where it does not speak of our SQL.
 */
export function isAway(error: Error): boolean {
  const { code, retry } = toAppError(error)
  if (code !== 'internal_error') return retry
  return /^D1_ERROR\b/.test(error.message) && !error.message.includes('SQLITE_')
}

/** Runs what may throw an error of ours, for the engine to answer. */
export async function orOAuthError<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    throw error.retry ? temporarilyUnavailable(error) : new errors.InvalidGrant(error.message)
  }
}

import { AppError } from '@menagerie/core'
import type { UserSessionsError } from '@menagerie/durable-objects/user-sessions'

/** What a session's owner refused, as the contract tells it. Why a grant is over is for the log alone. */
export function sessionError(error: UserSessionsError): AppError {
  switch (error.code) {
    case 'invalid_grant':
      return invalidGrant(error.reason)
    case 'not_found':
      return new AppError('not_found', 'There is no such session')
    case 'overloaded':
      return new AppError('overloaded', 'Too much at once for this account; try again', error)
    case 'storage_full':
      return new AppError('storage_full', 'There is no room for it now', error)
  }
}

export const invalidGrant = (cause: string): AppError =>
  new AppError('invalid_grant', 'The refresh token is not valid; sign in again', { cause })

import { type CommonSettings, err } from '@menagerie/core'
import type { JournalError } from '../journal/index.ts'
import type { Session } from './user-sessions-state.ts'

/** What the object is given by the Worker that owns it. */
export interface UserSessionsEnv extends CommonSettings {
  HISTORY_QUEUE: Queue
  REVOCATIONS_QUEUE: Queue
  KEY_ENCRYPTION_KEY: string
  REFRESH_TOKEN_SECONDS: string
}

export interface OpenSession {
  /** The object's name. */
  userId: string
  /** A fresh UUID; opening it again gives the same grant. */
  sid: string
  clientId: string
  deviceName: string | null
  acr: '1' | '2'
}

/** What a refresh token says; the Worker signs it. Times are milliseconds since the epoch. */
export interface SessionGrant {
  sid: string
  clientId: string
  acr: '1' | '2'
  /** The id of the one live refresh token. */
  jti: string
  issuedAt: number
  /** The absolute end of the session and of all its refresh tokens. */
  expiresAt: number
}

export type UserSessionsError =
  /** `ended`: no such session, or not any more; `reused`: an old token was shown, which ended the session. */
  | { code: 'invalid_grant'; reason: 'ended' | 'reused' }
  | { code: 'not_found' }
  | { code: 'overloaded' | 'storage_full'; retryAfterSeconds: number }

export const ended = (reason: 'ended' | 'reused') => err({ code: 'invalid_grant' as const, reason })

export const grantOf = (
  sid: string,
  session: Session,
  jti: string,
  issuedAt: number,
): SessionGrant => ({
  sid,
  clientId: session.clientId,
  acr: session.acr,
  jti,
  issuedAt,
  expiresAt: session.expiresAt,
})

/** What a journal refused; the two codes that stay can only be mistakes of this class. */
export function toError(error: JournalError): UserSessionsError {
  switch (error.code) {
    case 'not_found':
      return { code: 'invalid_grant', reason: 'ended' }
    case 'storage_full':
    case 'overloaded':
      return error
    case 'idempotency_mismatch':
    case 'payload_too_large':
      throw new Error(`A session's journal answered ${error.code}`)
  }
}

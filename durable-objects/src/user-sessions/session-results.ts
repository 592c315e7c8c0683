import type { AuthenticationMethod } from '@menagerie/contracts'
import { type CommonSettings, err } from '@menagerie/core'
import type { JournalError } from '../journal/index.ts'
import type { Session, SessionsState } from './session-types.ts'

/** What the object is given by the Worker that owns it. */
export interface UserSessionsEnv extends CommonSettings {
  HISTORY_QUEUE: Queue
  REVOCATIONS_QUEUE: Queue
  AUDIT_QUEUE: Queue
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
  /** How the user showed who they are (RFC 8176). */
  methods: AuthenticationMethod[]
  /** What the session's tokens may do, separated by spaces (RFC 6749 §3.3). */
  scope: string
  /** When a second factor was shown, milliseconds since the epoch. */
  secondFactorAt: number | null
  /** Whether there are refresh tokens. */
  refreshable: boolean
  /** `REFRESH_TOKEN_SECONDS` unless given. */
  lifetimeMs?: number
}

/** A session as its tokens tell of it; the Worker signs them. Times are milliseconds since the epoch. */
export interface SessionGrant {
  sid: string
  clientId: string
  acr: '1' | '2'
  methods: AuthenticationMethod[]
  scope: string
  secondFactorAt: number | null
  /** Access tokens whose `iat` is not after this time's second are void. */
  notBefore: number
  /** The id of the refresh token. */
  jti: string
  /** When that refresh token was made: the same for every repeat. */
  issuedAt: number
  /** The absolute end of the session and of all its tokens. */
  expiresAt: number
  createdAt: number
  /** When the owner gave this grant: the time of access tokens made of it. What they say must be read after it. */
  grantedAt: number
}

/** A session of a client that acts for itself, with what its token needs. */
export type ClientSession = Pick<SessionGrant, 'sid' | 'notBefore' | 'grantedAt' | 'expiresAt'>

/** A session as its user sees it. Times are milliseconds since the epoch. */
export interface SessionView {
  sid: string
  clientId: string
  name: string | null
  acr: '1' | '2'
  methods: AuthenticationMethod[]
  scope: string
  secondFactorAt: number | null
  createdAt: number
  refreshedAt: number
  expiresAt: number
}

export type UserSessionsError =
  /** `ended`: no such session, or not any more; `reused`: an old token was shown, which ended the session. */
  | { code: 'invalid_grant'; reason: 'ended' | 'reused' }
  | { code: 'not_found' }
  | { code: 'overloaded' | 'storage_full'; retryAfterSeconds: number }

export const ended = (reason: 'ended' | 'reused') => err({ code: 'invalid_grant' as const, reason })

/**
 * @param token the refresh token's id, and when it was made
 * @param now milliseconds since the epoch
 */
export const grantOf = (
  state: SessionsState,
  sid: string,
  session: Session,
  token: { jti: string; issuedAt: number },
  now: number,
): SessionGrant => ({
  sid,
  clientId: session.clientId,
  acr: session.acr,
  methods: session.methods,
  scope: session.scope,
  secondFactorAt: session.secondFactorAt,
  notBefore: state.notBefore,
  ...token,
  expiresAt: session.expiresAt,
  createdAt: session.createdAt,
  grantedAt: now,
})

export const viewOf = (sid: string, session: Session): SessionView => ({
  sid,
  clientId: session.clientId,
  name: session.deviceName,
  acr: session.acr,
  methods: session.methods,
  scope: session.scope,
  secondFactorAt: session.secondFactorAt,
  createdAt: session.createdAt,
  refreshedAt: session.refreshedAt,
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

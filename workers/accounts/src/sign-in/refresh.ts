import type { TokenResponse } from '@menagerie/contracts'
import {
  AppError,
  clockOf,
  issuerOf,
  type Principal,
  type Trace,
  toTraceparent,
} from '@menagerie/core'
import { type Env, settingsOf } from '../context.ts'
import { findUser } from '../db/users.ts'
import { refreshTokenKeyOf } from '../deployment.ts'
import { tokensFor } from '../sessions/tokens.ts'
import { type RefreshTokenClaims, readRefreshToken } from '../tokens/refresh-token.ts'
import { invalidGrant, sessionError } from './session-error.ts'

/**
 * Swaps a refresh token of our own client for its successor and an access token with the account's roles of this moment.
 * Other clients refresh at the token endpoint, where they show who they are; a token of theirs shown here has been stolen
 * and ends its session (RFC 6749 §10.4).
 *
 * @throws AppError `invalid_grant` (RFC 6749 §5.2)
 */
export async function refresh(env: Env, token: string, trace: Trace): Promise<TokenResponse> {
  const claims = await claimsOf(env, token)
  if (claims === undefined) throw invalidGrant('not one of ours, or over')
  const { sub, sid, jti } = claims
  const grant = await env.USER_SESSIONS.getByName(sub).rotate(
    { sid, jti, clientId: settingsOf(env).CLIENT_ID },
    toTraceparent(trace),
  )
  if (!grant.ok) throw sessionError(grant.error)
  // After the swap: roles that are taken away from now on make its token void, and those taken away before are not read.
  const user = await findUser(env.DB, sub)
  if (user === undefined || user.status === 'disabled') throw invalidGrant('no active account')
  return tokensFor(env, user, grant.value)
}

/**
 * Ends the session of the access token, and that of a refresh token of the same account.
 *
 * @throws AppError `forbidden` for who has no session
 */
export async function signOut(
  env: Env,
  principal: Principal,
  token: string | undefined,
  trace: Trace,
): Promise<void> {
  if (principal.kind !== 'user') throw new AppError('forbidden', 'Only people sign out')
  const claims = token === undefined ? undefined : await claimsOf(env, token)
  const named = claims?.sub === principal.id ? [claims.sid] : []
  const sessions = env.USER_SESSIONS.getByName(principal.id)
  for (const sid of new Set([principal.sessionId, ...named])) {
    const revoked = await sessions.revoke(principal, sid, 'logout', toTraceparent(trace))
    if (!revoked.ok) throw sessionError(revoked.error)
  }
}

async function claimsOf(env: Env, token: string): Promise<RefreshTokenClaims | undefined> {
  const issuer = issuerOf(settingsOf(env))
  const read = await readRefreshToken(
    token,
    await refreshTokenKeyOf(env),
    issuer,
    clockOf(env).now(),
  )
  return read.ok ? read.value : undefined
}

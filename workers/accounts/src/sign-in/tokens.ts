import type { TokenResponse } from '@menagerie/contracts'
import { issuerOf, newId } from '@menagerie/core'
import type { SessionGrant } from '@menagerie/durable-objects/user-sessions'
import { type Env, settingsOf } from '../context.ts'
import type { UserRow } from '../db/schema.ts'
import { refreshTokenKeyOf, signingKeysOf } from '../deployment.ts'
import { accessTokenClaims, SCOPE, signToken } from '../tokens/access-token.ts'
import { signRefreshToken } from '../tokens/refresh-token.ts'

/**
 * The answer of a sign-in or a refresh: an access token of this moment and the refresh token of the grant, which is the
 * same text for every repeat of one refresh.
 *
 * @param now milliseconds since the epoch
 */
export async function tokensFor(
  env: Env,
  user: UserRow,
  grant: SessionGrant,
  now: number,
): Promise<TokenResponse> {
  const settings = settingsOf(env)
  const issuer = issuerOf(settings)
  const lifetimeSeconds = Number(settings.ACCESS_TOKEN_SECONDS)
  const { sid, clientId, acr } = grant
  const claims = accessTokenClaims({
    user,
    sid,
    acr,
    clientId,
    issuer,
    jti: newId(),
    lifetimeSeconds,
    now,
  })
  const refreshClaims = {
    exp: Math.floor(grant.expiresAt / 1000),
    iat: Math.floor(grant.issuedAt / 1000),
    jti: grant.jti,
    iss: issuer,
    aud: issuer,
    sub: user.id,
    typ: 'Refresh' as const,
    azp: clientId,
    session_state: sid,
    sid,
    scope: SCOPE,
  }
  return {
    access_token: await signToken(claims, await signingKeysOf(env).current()),
    token_type: 'Bearer',
    expires_in: lifetimeSeconds,
    refresh_token: await signRefreshToken(refreshClaims, await refreshTokenKeyOf(env)),
    refresh_expires_in: Math.max(0, refreshClaims.exp - Math.floor(now / 1000)),
    scope: SCOPE,
    session_state: sid,
  }
}

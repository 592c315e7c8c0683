import {
  type AccessTokenClaims,
  type StepUpResponse,
  serviceAccountName,
  type TokenResponse,
} from '@menagerie/contracts'
import { idFromKey, issuerOf, newId, STEP_UP_SECONDS } from '@menagerie/core'
import type { ClientSession, SessionGrant } from '@menagerie/durable-objects/user-sessions'
import { type Env, settingsOf } from '../context.ts'
import type { UserRow } from '../db/schema.ts'
import { refreshTokenKeyOf, signingKeysOf } from '../deployment.ts'
import { permissionsFor } from '../roles/permissions-for.ts'
import { SCOPE, signToken } from '../tokens/access-token.ts'
import { signRefreshToken } from '../tokens/refresh-token.ts'
import { accessTokenClaims, permissionsWithin } from './access-token-claims.ts'

export interface AccessToken {
  token: string
  claims: AccessTokenClaims
}

/** What of an account stands in its tokens. */
export type TokenUser = Pick<
  UserRow,
  'id' | 'username' | 'roles' | 'phoneNumber' | 'phoneNumberVerified' | 'emailVerified'
>

/**
 * The answer of a sign-in or a refresh: an access token and the refresh token of the grant, which is the same text for
 * every repeat of one refresh.
 *
 * @param user as read after the grant was given, or checked since: then roles that were taken away are in no good token
 */
export async function tokensFor(
  env: Env,
  user: TokenUser,
  grant: SessionGrant,
): Promise<TokenResponse> {
  const { sid, clientId, scope } = grant
  const grantedSecond = Math.floor(grant.grantedAt / 1000)
  const { token, claims } = await mintAccessToken(env, {
    user,
    grant,
    scope,
    clientId,
    firstParty: true,
  })
  return {
    access_token: token,
    token_type: 'Bearer',
    expires_in: claims.exp - grantedSecond,
    refresh_token: await mintRefreshToken(env, user.id, grant),
    refresh_expires_in: Math.floor(grant.expiresAt / 1000) - grantedSecond,
    scope,
    session_state: sid,
  }
}

/** The answer of a step-up: an access token with `acr` "2", and how long it is good for critical actions. */
export async function stepUpTokens(
  env: Env,
  user: TokenUser,
  grant: SessionGrant,
): Promise<StepUpResponse> {
  const { sid, clientId, scope } = grant
  const { token, claims } = await mintAccessToken(env, {
    user,
    grant,
    scope,
    clientId,
    firstParty: clientId === settingsOf(env).CLIENT_ID,
  })
  return {
    access_token: token,
    token_type: 'Bearer',
    expires_in: claims.exp - Math.floor(grant.grantedAt / 1000),
    scope,
    session_state: sid,
    step_up_expires_in: STEP_UP_SECONDS,
  }
}

/**
 * The one place that mints access tokens of users.
 *
 * @param input.user as read after the grant was given
 * @param input.firstParty whether the client is our own; any other may no more than its scope says
 */
export async function mintAccessToken(
  env: Env,
  input: {
    user: TokenUser
    grant: Pick<SessionGrant, 'sid' | 'acr' | 'grantedAt' | 'notBefore' | 'expiresAt'>
    scope: string
    clientId: string
    firstParty: boolean
  },
): Promise<AccessToken> {
  const { user, grant, scope, clientId, firstParty } = input
  const allowed = await permissionsFor(env, user.roles)
  return sign(env, {
    sub: user.id,
    username: user.username,
    verified: user.username === user.phoneNumber ? user.phoneNumberVerified : user.emailVerified,
    roles: user.roles,
    permissions: permissionsWithin(allowed, scope, firstParty),
    sid: grant.sid,
    acr: grant.acr,
    clientId,
    scope,
    grantedAt: grant.grantedAt,
    notBefore: grant.notBefore,
    sessionEndsAt: grant.expiresAt,
  })
}

/** The one place that mints refresh tokens: the same text for every repeat of one grant. */
export async function mintRefreshToken(
  env: Env,
  userId: string,
  grant: SessionGrant,
): Promise<string> {
  const issuer = issuerOf(settingsOf(env))
  return signRefreshToken(
    {
      exp: Math.floor(grant.expiresAt / 1000),
      iat: Math.floor(grant.issuedAt / 1000),
      jti: grant.jti,
      iss: issuer,
      aud: issuer,
      sub: userId,
      typ: 'Refresh',
      azp: grant.clientId,
      session_state: grant.sid,
      sid: grant.sid,
      scope: grant.scope,
    },
    await refreshTokenKeyOf(env),
  )
}

/** `sub` of a client's own tokens: always the same, and no account's, since those are UUIDv7 or come from a request's key. */
export const clientSubject = (env: Env, clientId: string): Promise<string> =>
  idFromKey(issuerOf(settingsOf(env)), 'client', clientId)

/** The one place that mints tokens of clients that act for themselves, out of `UserSessions.clientSession`. */
export async function mintClientToken(
  env: Env,
  input: { client: { id: string; roles: string[] }; scope?: string } & ClientSession,
): Promise<AccessToken> {
  const { client, sid, grantedAt, notBefore, expiresAt } = input
  return sign(env, {
    sub: await clientSubject(env, client.id),
    username: serviceAccountName(client.id),
    verified: false,
    roles: client.roles,
    permissions: await permissionsFor(env, client.roles),
    sid,
    acr: '1',
    clientId: client.id,
    scope: input.scope ?? SCOPE,
    grantedAt,
    notBefore,
    sessionEndsAt: expiresAt,
  })
}

async function sign(
  env: Env,
  input: Omit<Parameters<typeof accessTokenClaims>[0], 'issuer' | 'jti' | 'lifetimeSeconds'>,
): Promise<AccessToken> {
  const settings = settingsOf(env)
  const claims = accessTokenClaims({
    ...input,
    issuer: issuerOf(settings),
    jti: newId(),
    lifetimeSeconds: Number(settings.ACCESS_TOKEN_SECONDS),
  })
  return { token: await signToken(claims, await signingKeysOf(env).current()), claims }
}

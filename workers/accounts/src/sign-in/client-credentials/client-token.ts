import {
  type AccessTokenClaims,
  type ClientTokenResponse,
  permissionsOf,
  serviceAccountName,
  serviceClients,
} from '@menagerie/contracts'
import {
  clockOf,
  err,
  idFromKey,
  issuerOf,
  newId,
  ok,
  type Result,
  secretsEqual,
} from '@menagerie/core'
import { type Env, settingsOf } from '../../context.ts'
import { signingKeysOf } from '../../deployment.ts'
import { SCOPE, signToken } from '../../tokens/access-token.ts'
import { invalidClient, type OAuthRefusal } from './oauth-refusal.ts'
import type { ClientClaim } from './token-request.ts'

type ServiceClientId = keyof typeof serviceClients

/** The settings that hold the clients' secrets. */
const secretSettings = { bridge: 'BRIDGE_CLIENT_SECRET' } as const satisfies Record<
  ServiceClientId,
  keyof Env
>

/**
 * A client's own access token (RFC 6749 §4.4.3): its one role, no session behind it and no refresh token beside it. It
 * ends by itself, so a replaced secret takes effect within `ACCESS_TOKEN_SECONDS`.
 */
export async function clientToken(
  env: Env,
  { clientId, secret }: ClientClaim,
): Promise<Result<ClientTokenResponse, OAuthRefusal>> {
  const settings = settingsOf(env)
  const known = isServiceClient(clientId) ? clientId : undefined
  // Compared for unknown clients too: the time of an answer tells nothing.
  const kept = known === undefined ? '' : settings[secretSettings[known]]
  const matches = await secretsEqual(secret, kept)
  if (known === undefined || !matches) return err(invalidClient)
  const issuer = issuerOf(settings)
  const lifetimeSeconds = Number(settings.ACCESS_TOKEN_SECONDS)
  const claims = clientClaims({
    clientId: known,
    // The same for every token of the client, and no account's: those are UUIDv7 or come from a request's key.
    sub: await idFromKey(issuer, 'client', known),
    sid: newId(),
    jti: newId(),
    issuer,
    lifetimeSeconds,
    now: clockOf(env).now(),
  })
  return ok({
    access_token: await signToken(claims, await signingKeysOf(env).current()),
    token_type: 'Bearer',
    expires_in: lifetimeSeconds,
    scope: SCOPE,
  })
}

/**
 * The claims of the seed's sample for a client that acts for itself. A session is named because the sample has one; no
 * owner of sessions knows it, and none is asked.
 *
 * @param input.now milliseconds since the epoch
 */
export function clientClaims(input: {
  clientId: ServiceClientId
  sub: string
  sid: string
  jti: string
  issuer: string
  lifetimeSeconds: number
  now: number
}): AccessTokenClaims {
  const { clientId, sub, sid, jti, issuer } = input
  const role = serviceClients[clientId]
  const iat = Math.floor(input.now / 1000)
  return {
    exp: iat + input.lifetimeSeconds,
    iat,
    jti,
    iss: issuer,
    sub,
    typ: 'Bearer',
    azp: clientId,
    session_state: sid,
    acr: '1',
    resource_access: { [clientId]: { roles: [role] } },
    scope: SCOPE,
    sid,
    email_verified: false,
    preferred_username: serviceAccountName(clientId),
    permissions: permissionsOf([role]),
  }
}

const isServiceClient = (id: string): id is ServiceClientId => Object.hasOwn(serviceClients, id)

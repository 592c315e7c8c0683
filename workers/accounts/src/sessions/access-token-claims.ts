import type { AccessTokenClaims, Permission } from '@menagerie/contracts'
import { firstValidSecond } from '@menagerie/durable-objects/user-sessions'

export interface AccessTokenInput {
  sub: string
  /** `preferred_username`. */
  username: string
  /** Whether the name in `username` was verified, be it an address or a phone number as in the seed's sample. */
  verified: boolean
  roles: string[]
  permissions: Permission[]
  sid: string
  acr: '1' | '2'
  clientId: string
  scope: string
  issuer: string
  jti: string
  lifetimeSeconds: number
  /** When the session's owner gave the grant, milliseconds since the epoch. */
  grantedAt: number
  /** Of the session, milliseconds since the epoch: older access tokens are void. */
  notBefore: number
  /** The end of the session, milliseconds since the epoch. */
  sessionEndsAt: number
}

/** The claims of the seed's sample, with `permissions` beside them and no `aud`. A token does not outlast its session. */
export function accessTokenClaims(input: AccessTokenInput): AccessTokenClaims {
  const { sub, sid, clientId, roles } = input
  const granted = Math.floor(input.grantedAt / 1000)
  return {
    exp: Math.min(granted + input.lifetimeSeconds, Math.floor(input.sessionEndsAt / 1000)),
    iat: Math.max(granted, firstValidSecond(input.notBefore)),
    jti: input.jti,
    iss: input.issuer,
    sub,
    typ: 'Bearer',
    azp: clientId,
    session_state: sid,
    acr: input.acr,
    resource_access: { [clientId]: { roles } },
    scope: input.scope,
    sid,
    email_verified: input.verified,
    preferred_username: input.username,
    permissions: input.permissions,
  }
}

/**
 * What a token may do: all that its user may for a client of our own; else what the user may and the scope names.
 *
 * @param scope separated by spaces
 */
export const permissionsWithin = (
  permissions: readonly Permission[],
  scope: string,
  firstParty: boolean,
): Permission[] => {
  const granted = new Set(scope.split(' '))
  return permissions.filter((permission) => firstParty || granted.has(permission))
}

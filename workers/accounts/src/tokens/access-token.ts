import { type AccessTokenClaims, permissionsOf } from '@menagerie/contracts'
import { SignJWT } from 'jose'
import type { UserRow } from '../db/schema.ts'
import type { SigningKeys } from './signing-keys.ts'

/** The one scope of a first-party sign-in. */
export const SCOPE = 'email profile'

export interface AccessTokenInput {
  user: Pick<
    UserRow,
    'id' | 'username' | 'roles' | 'phoneNumber' | 'phoneNumberVerified' | 'email' | 'emailVerified'
  >
  sid: string
  acr: '1' | '2'
  clientId: string
  issuer: string
  jti: string
  lifetimeSeconds: number
  /** Milliseconds since the epoch. */
  now: number
}

/**
 * The claims of the seed's sample, with `permissions` beside them and no `aud`. `email_verified` tells whether the name
 * in `preferred_username` was verified, be it an address or a phone number as in the sample.
 */
export function accessTokenClaims(input: AccessTokenInput): AccessTokenClaims {
  const { user, sid, clientId } = input
  const iat = Math.floor(input.now / 1000)
  return {
    exp: iat + input.lifetimeSeconds,
    iat,
    jti: input.jti,
    iss: input.issuer,
    sub: user.id,
    typ: 'Bearer',
    azp: clientId,
    session_state: sid,
    acr: input.acr,
    resource_access: { [clientId]: { roles: user.roles } },
    scope: SCOPE,
    sid,
    email_verified:
      user.username === user.phoneNumber ? user.phoneNumberVerified : user.emailVerified,
    preferred_username: user.username,
    permissions: permissionsOf(user.roles),
  }
}

/** A JWT (RFC 7519) signed RS256 with the newest key. */
export function signToken(claims: object, keys: SigningKeys): Promise<string> {
  return new SignJWT({ ...claims })
    .setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid: keys.kid })
    .sign(keys.privateKey)
}

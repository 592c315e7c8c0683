import { SignJWT } from 'jose'
import type { SigningKeys } from './signing-keys.ts'

/** The one scope of a first-party sign-in. */
export const SCOPE = 'email profile'

/** A JWT (RFC 7519) signed RS256 with the newest key. */
export function signToken(claims: object, keys: SigningKeys): Promise<string> {
  return new SignJWT({ ...claims })
    .setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid: keys.kid })
    .sign(keys.privateKey)
}

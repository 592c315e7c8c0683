import { err, ok, type Result } from '@menagerie/core'
import { jwtVerify, SignJWT } from 'jose'
import { z } from 'zod'

/** A JWT with `exp`, because Keycloak's adapters read it; for everybody else it is opaque. */
export const RefreshTokenClaims = z.strictObject({
  exp: z.number().int(),
  iat: z.number().int(),
  jti: z.string().min(1).max(64),
  iss: z.string(),
  aud: z.string(),
  sub: z.uuid(),
  typ: z.literal('Refresh'),
  azp: z.string(),
  session_state: z.uuid(),
  sid: z.uuid(),
  scope: z.string(),
})
export type RefreshTokenClaims = z.infer<typeof RefreshTokenClaims>

/** Signs HS256 with a key of our own: nobody but accounts verifies a refresh token. */
export const signRefreshToken = (claims: RefreshTokenClaims, key: Uint8Array): Promise<string> =>
  new SignJWT(claims).setProtectedHeader({ alg: 'HS256', typ: 'JWT' }).sign(key)

/**
 * Checks signature, issuer, type and lifetime, before any object is asked: a forged token costs no more than this.
 *
 * @param now milliseconds since the epoch
 */
export async function readRefreshToken(
  token: string,
  key: Uint8Array,
  issuer: string,
  now: number,
): Promise<Result<RefreshTokenClaims, 'invalid'>> {
  // Three base64url parts and nothing else; what a decoder would be lenient about never reaches it.
  if (!/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)) return err('invalid')
  try {
    const { payload } = await jwtVerify(token, key, {
      algorithms: ['HS256'],
      issuer,
      audience: issuer,
      currentDate: new Date(now),
      requiredClaims: ['exp', 'jti', 'sub'],
    })
    const claims = RefreshTokenClaims.safeParse(payload)
    return claims.success && claims.data.sid === claims.data.session_state
      ? ok(claims.data)
      : err('invalid')
  } catch {
    return err('invalid')
  }
}

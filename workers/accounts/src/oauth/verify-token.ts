import { AccessTokenClaims, serviceAccountName } from '@menagerie/contracts'
import { clockOf } from '@menagerie/core'
import { decodeJwt } from 'jose'
import type { Env } from '../context.ts'
import { verifier } from '../deployment.ts'
import { temporarilyUnavailable } from './refusals.ts'
import { notes } from './request-notes.ts'

/** Stands before a token on its way into the engine, whose endpoints refuse whatever they can read as a JWT. */
const MARK = '~'

export const markToken = (token: string): string => `${MARK}${token}`
export const unmarkToken = (value: string): string =>
  value.startsWith(MARK) ? value.slice(MARK.length) : value

/**
 * The claims of an access token of ours whose session stands, be it a user's or a client's own. Verified once for each
 * request, however often the engine asks.
 */
export function readAccessToken(env: Env, value: string): Promise<AccessTokenClaims | undefined> {
  const token = unmarkToken(value)
  const { verified } = notes()
  const known = verified.get(token) ?? verify(env, token)
  verified.set(token, known)
  return known
}

async function verify(env: Env, token: string): Promise<AccessTokenClaims | undefined> {
  const read = await verifier(env).verify(token)
  if (!read.ok) {
    if (read.error === 'unavailable') throw temporarilyUnavailable(read.error)
    return undefined
  }
  // A service's token is none of these.
  const claims = AccessTokenClaims.safeParse(decodeJwt(token))
  if (!claims.success) return undefined
  const { sub, sid, iat } = claims.data
  const { alive } = await env.USER_SESSIONS.getByName(sub).check(sid, iat)
  return alive ? claims.data : undefined
}

/** Whether a token is a client's own. */
export const isClientToken = (claims: AccessTokenClaims): boolean =>
  claims.preferred_username === serviceAccountName(claims.azp)

/** A time of our clock on the engine's, which is the system's: only tests move them apart. */
export const engineSeconds = (env: Env, seconds: number): number =>
  seconds - Math.round((clockOf(env).now() - Date.now()) / 1000)

/** A time of the engine's clock on ours, in milliseconds. */
export const ownMs = (env: Env, seconds: number): number =>
  seconds * 1000 + clockOf(env).now() - Date.now()

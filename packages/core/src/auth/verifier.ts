import {
  AccessTokenClaims,
  permissionsOf,
  RoleName,
  ServiceTokenClaims,
  serviceAccountName,
  serviceClients,
} from '@menagerie/contracts'
import { createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from 'jose'
import type { Principal } from '../principal.ts'
import { err, ok, type Result } from '../result.ts'
import type { KeySource, VerificationSet } from './key-source.ts'

export interface VerifierOptions {
  /** `{PUBLIC_URL}/auth/realms/{realm}`, exactly. */
  issuer: string
  /** Clients that people sign in with (`azp`) and that never act for themselves. Others come with the keys. */
  clientIds?: readonly string[]
  /** This service's name: what a service token's `aud` must be. `undefined` refuses service tokens. */
  audience?: string
  keys: KeySource
  now: () => number
}

/** Why a token was refused. For the log: outside, all of them are one 401. */
export type TokenRefusal =
  | 'malformed'
  | 'unknown_key'
  | 'bad_signature'
  | 'expired'
  | 'bad_claims'
  | 'unavailable'

/** Of at most 8 KiB each, and of one or two as a rule. */
const CACHE_LIMIT = 5_000
const LEEWAY_SECONDS = 5

/**
 * Verifies access and service tokens: RS256 only, keys from our own set by `kid` alone (never from the token), issuer,
 * type, client or receiver, and lifetime (RFC 8725 §3). A verified token is remembered until it ends, so that a
 * client's second request costs a look-up (decision 0013).
 */
export class TokenVerifier {
  readonly #options: VerifierOptions
  readonly #verified = new Map<string, Principal>()
  /** The keys of the last set, imported: that costs more than a signature. */
  #imported: { from: object; keys: ReturnType<typeof createLocalJWKSet> } | undefined

  constructor(options: VerifierOptions) {
    this.#options = options
  }

  async verify(token: string): Promise<Result<Principal, TokenRefusal>> {
    const known = this.#verified.get(token)
    if (known && known.expiresAt > this.#options.now()) return ok(known)
    this.#verified.delete(token)
    if (token.length > 8192 || !isCompact(token)) return err('malformed')
    const checked = await this.#check(token)
    // Within the leeway it is checked each time.
    if (checked.ok && checked.value.expiresAt > this.#options.now())
      this.#remember(token, checked.value)
    return checked
  }

  #remember(token: string, principal: Principal): void {
    if (this.#verified.size >= CACHE_LIMIT) {
      const oldest = this.#verified.keys().next().value
      if (oldest !== undefined) this.#verified.delete(oldest)
    }
    this.#verified.set(token, principal)
  }

  async #check(token: string): Promise<Result<Principal, TokenRefusal>> {
    const kid = keyIdOf(token)
    if (kid === undefined) return err('malformed')
    let set: VerificationSet
    try {
      set = await this.#options.keys.keys(false)
      if (!hasKey(set, kid)) set = await this.#options.keys.keys(true)
    } catch {
      return err('unavailable')
    }
    if (!hasKey(set, kid)) return err('unknown_key')
    try {
      const { payload } = await jwtVerify(token, this.#keysOf(set), {
        algorithms: ['RS256'],
        issuer: this.#options.issuer,
        clockTolerance: LEEWAY_SECONDS,
        currentDate: new Date(this.#options.now()),
        requiredClaims: ['exp', 'iat', 'jti', 'sub'],
      })
      return await this.#principal(payload, set)
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : ''
      if (code === 'ERR_JWT_EXPIRED') return err('expired')
      return err(code === 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED' ? 'bad_signature' : 'bad_claims')
    }
  }

  #keysOf({ keys }: VerificationSet): ReturnType<typeof createLocalJWKSet> {
    if (this.#imported?.from !== keys)
      this.#imported = { from: keys, keys: createLocalJWKSet({ keys }) }
    return this.#imported.keys
  }

  async #principal(
    payload: unknown,
    set: VerificationSet,
  ): Promise<Result<Principal, TokenRefusal>> {
    const access = AccessTokenClaims.safeParse(payload)
    if (access.success) return this.#fromAccessToken(access.data, set)
    const service = ServiceTokenClaims.safeParse(payload)
    if (!service.success || service.data.aud !== this.#options.audience) return err('bad_claims')
    return ok({
      kind: 'service',
      id: service.data.azp,
      username: '',
      sessionId: '',
      clientId: service.data.azp,
      roles: [],
      permissions: [],
      acr: '1',
      issuedAt: service.data.iat * 1000,
      expiresAt: service.data.exp * 1000,
    })
  }

  async #fromAccessToken(
    claims: AccessTokenClaims,
    set: VerificationSet,
  ): Promise<Result<Principal, TokenRefusal>> {
    const soon = this.#options.now() / 1000 + 60
    const roles = RoleName.array().safeParse(claims.resource_access[claims.azp]?.roles)
    if (claims.session_state !== claims.sid || claims.iat > soon || !roles.success)
      return err('bad_claims')
    const principal = {
      id: claims.sub,
      username: claims.preferred_username,
      sessionId: claims.sid,
      clientId: claims.azp,
      roles: roles.data,
      permissions: claims.permissions,
      acr: claims.acr,
      issuedAt: claims.iat * 1000,
      expiresAt: claims.exp * 1000,
    }
    if (this.#options.clientIds?.includes(claims.azp)) return ok({ kind: 'user', ...principal })
    // What its name says decides (RFC 9700 §4.15): no account's name looks like a client's.
    const kind = claims.preferred_username === serviceAccountName(claims.azp) ? 'client' : 'user'
    if (Object.hasOwn(serviceClients, claims.azp)) {
      const own = kind === 'client' && hasItsOneRole(claims.azp, principal)
      return own ? ok({ kind, ...principal }) : err('bad_claims')
    }
    const known = await this.#isKnown(claims.azp, set)
    if (!known.ok) return known
    return ok({ kind, ...principal })
  }

  /** Whether a client was registered; one that is not known yet is asked for past the cache. */
  async #isKnown(clientId: string, set: VerificationSet): Promise<Result<null, TokenRefusal>> {
    if (set.clients?.includes(clientId)) return ok(null)
    try {
      const fresh = await this.#options.keys.keys('signed')
      return fresh.clients?.includes(clientId) ? ok(null) : err('bad_claims')
    } catch {
      return err('unavailable')
    }
  }
}

/** Whether a client of the settings has its one role, and no more than that role allows. */
function hasItsOneRole(
  clientId: string,
  { roles, permissions }: Pick<Principal, 'roles' | 'permissions'>,
): boolean {
  const role = Object.entries(serviceClients).find(([id]) => id === clientId)?.[1]
  if (role === undefined) return false
  const allowed = permissionsOf([role])
  return (
    roles.length === 1 && roles[0] === role && permissions.every((each) => allowed.includes(each))
  )
}

/** Three parts of canonical base64url (RFC 4648 §3.5): what a decoder would be lenient about never reaches it. */
function isCompact(token: string): boolean {
  const parts = token.split('.')
  return parts.length === 3 && parts.every((part) => /^[\w-]+$/.test(part) && isCanonical(part))
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** The bits of the last character that no byte needs must be 0, so that one value has one form. */
function isCanonical(part: string): boolean {
  const spare = { 0: 0, 2: 15, 3: 3 }[part.length % 4]
  return spare !== undefined && (alphabet.indexOf(part.at(-1) ?? '') & spare) === 0
}

const hasKey = (set: JSONWebKeySet, kid: string) => set.keys.some((key) => key.kid === kid)

function keyIdOf(token: string): string | undefined {
  try {
    const header = decodeProtectedHeader(token)
    return header.alg === 'RS256' && typeof header.kid === 'string' && header.kid.length <= 128
      ? header.kid
      : undefined
  } catch {
    return undefined
  }
}

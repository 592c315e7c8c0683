import {
  AccessTokenClaims,
  permissionsOf,
  Role,
  ServiceTokenClaims,
  serviceAccountName,
  serviceClients,
} from '@menagerie/contracts'
import { createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from 'jose'
import { sha256Hex } from '../ids.ts'
import type { Principal } from '../principal.ts'
import { err, ok, type Result } from '../result.ts'

/** Where public keys come from: the accounts service over its binding, or its own store. */
export interface KeySource {
  /** The set as it is cached; `fresh` asks past the cache for a `kid` not in it. */
  keys(fresh: boolean): Promise<JSONWebKeySet>
}

export interface VerifierOptions {
  /** `{PUBLIC_URL}/auth/realms/{realm}`, exactly. */
  issuer: string
  /** OAuth clients that people sign in with (`azp`). Those that act for themselves are known by `serviceClients`. */
  clientIds: readonly string[]
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

const CACHE_LIMIT = 10_000
const LEEWAY_SECONDS = 5

/**
 * Verifies access and service tokens: RS256 only, keys from our own set by `kid` alone (never from the token), issuer,
 * type, client or receiver, and lifetime (RFC 8725 §3). A verified token is remembered by its SHA-256 until it ends, so
 * that a client's second request costs a hash.
 */
export class TokenVerifier {
  readonly #options: VerifierOptions
  readonly #verified = new Map<string, Principal>()

  constructor(options: VerifierOptions) {
    this.#options = options
  }

  async verify(token: string): Promise<Result<Principal, TokenRefusal>> {
    if (token.length > 8192 || !isCompact(token)) return err('malformed')
    const id = await sha256Hex(token)
    const known = this.#verified.get(id)
    if (known && known.expiresAt > this.#options.now()) return ok(known)
    this.#verified.delete(id)
    const checked = await this.#check(token)
    // Within the leeway it is checked each time.
    if (checked.ok && checked.value.expiresAt > this.#options.now())
      this.#remember(id, checked.value)
    return checked
  }

  #remember(id: string, principal: Principal): void {
    if (this.#verified.size >= CACHE_LIMIT) {
      const oldest = this.#verified.keys().next().value
      if (oldest !== undefined) this.#verified.delete(oldest)
    }
    this.#verified.set(id, principal)
  }

  async #check(token: string): Promise<Result<Principal, TokenRefusal>> {
    const kid = keyIdOf(token)
    if (kid === undefined) return err('malformed')
    let set: JSONWebKeySet
    try {
      set = await this.#options.keys.keys(false)
      if (!hasKey(set, kid)) set = await this.#options.keys.keys(true)
    } catch {
      return err('unavailable')
    }
    if (!hasKey(set, kid)) return err('unknown_key')
    try {
      const { payload } = await jwtVerify(token, createLocalJWKSet(set), {
        algorithms: ['RS256'],
        issuer: this.#options.issuer,
        clockTolerance: LEEWAY_SECONDS,
        currentDate: new Date(this.#options.now()),
        requiredClaims: ['exp', 'iat', 'jti', 'sub'],
      })
      return this.#principal(payload)
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : ''
      if (code === 'ERR_JWT_EXPIRED') return err('expired')
      return err(code === 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED' ? 'bad_signature' : 'bad_claims')
    }
  }

  #principal(payload: unknown): Result<Principal, TokenRefusal> {
    const access = AccessTokenClaims.safeParse(payload)
    if (access.success) return this.#fromAccessToken(access.data)
    const service = ServiceTokenClaims.safeParse(payload)
    if (!service.success || service.data.aud !== this.#options.audience) return err('bad_claims')
    return ok({
      kind: 'service',
      id: service.data.azp,
      username: '',
      sessionId: '',
      roles: [],
      permissions: [],
      acr: '1',
      expiresAt: service.data.exp * 1000,
    })
  }

  #fromAccessToken(claims: AccessTokenClaims): Result<Principal, TokenRefusal> {
    const soon = this.#options.now() / 1000 + 60
    const roles = Role.array().safeParse(claims.resource_access[claims.azp]?.roles)
    if (claims.session_state !== claims.sid || claims.iat > soon || !roles.success)
      return err('bad_claims')
    const principal = {
      id: claims.sub,
      username: claims.preferred_username,
      roles: roles.data,
      permissions: claims.permissions,
      acr: claims.acr,
      expiresAt: claims.exp * 1000,
    }
    if (this.#options.clientIds.includes(claims.azp))
      return ok({ kind: 'user', sessionId: claims.sid, ...principal })
    return isOwnTokenOfClient(claims.azp, principal)
      ? ok({ kind: 'client', sessionId: '', ...principal })
      : err('bad_claims')
  }
}

/**
 * Whether a client acts for itself: a client that may, under its own name, with its one role and no more than that role
 * allows. Whatever else its `azp` stands on, such as a person's token, is nobody's (RFC 9700 §4.15).
 */
function isOwnTokenOfClient(
  clientId: string,
  { username, roles, permissions }: Pick<Principal, 'username' | 'roles' | 'permissions'>,
): boolean {
  const role = Object.entries(serviceClients).find(([id]) => id === clientId)?.[1]
  if (role === undefined || username !== serviceAccountName(clientId)) return false
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

import { AppError, type KeySource, newId, toBase64Url } from '@menagerie/core'
import { type CryptoKey, exportJWK, generateKeyPair, importJWK, type JWK } from 'jose'
import { encryptionKey } from '../secrets.ts'

/** How long a read of the keys is used; a new key is published for that long before it may sign elsewhere. */
const FRESH_MS = 60_000
/** How often an unknown `kid` may make us read again. */
const RETRY_MS = 10_000

/** The public members of an RSA key (RFC 7517 §4, RFC 7518 §6.3.1). */
export type PublicJwk = { kty: 'RSA'; use: 'sig'; alg: 'RS256'; kid: string; n: string; e: string }

/** The key that signs, and the set everybody may see. */
export interface SigningKeys {
  kid: string
  privateKey: CryptoKey
  published: { keys: PublicJwk[] }
}

export interface SigningKeyOptions {
  db: D1Database
  /** `KEY_ENCRYPTION_KEY`. */
  secret: string
  now: () => number
}

interface KeyRow {
  kid: string
  public_jwk: string
  private_jwk: string
}

/**
 * The deployment's RS256 keys in D1. The first is made at first need by an insert that only takes place while there is
 * none, so that two isolates end with one key. Private members are in D1 under AES-256-GCM and nowhere else.
 */
export class SigningKeyStore implements KeySource {
  readonly #options: SigningKeyOptions
  // The value, never a pending promise: what one request waits for must not hang on another request's end.
  #cached: { at: number; keys: SigningKeys } | undefined

  constructor(options: SigningKeyOptions) {
    this.#options = options
  }

  /**
   * The keys, read again when the last read is older than a minute.
   *
   * @throws AppError `unavailable` when D1 does not answer or `KEY_ENCRYPTION_KEY` is another one
   */
  async current(maxAgeMs = FRESH_MS): Promise<SigningKeys> {
    const now = this.#options.now()
    if (this.#cached !== undefined && now - this.#cached.at < maxAgeMs) return this.#cached.keys
    const keys = await this.#load()
    this.#cached = { at: now, keys }
    return keys
  }

  async keys(fresh: boolean): Promise<{ keys: PublicJwk[] }> {
    return (await this.current(fresh ? RETRY_MS : FRESH_MS)).published
  }

  async #load(): Promise<SigningKeys> {
    try {
      let rows = await this.#read()
      if (rows.length === 0) {
        await this.#make()
        rows = await this.#read()
      }
      const [newest] = rows
      if (newest === undefined) throw new Error('No signing key could be made')
      return {
        kid: newest.kid,
        privateKey: await this.#decrypt(newest),
        published: { keys: rows.map((row) => JSON.parse(row.public_jwk) as PublicJwk) },
      }
    } catch (error) {
      throw new AppError('unavailable', 'Tokens cannot be signed now', {
        cause: error,
        retryAfterSeconds: 5,
      })
    }
  }

  async #read(): Promise<KeyRow[]> {
    const { results } = await this.#options.db
      .prepare(
        `SELECT kid, public_jwk, private_jwk FROM signing_keys
         ORDER BY retired_at IS NOT NULL, created_at DESC, kid`,
      )
      .all<KeyRow>()
    return results
  }

  async #make(): Promise<void> {
    const kid = newId()
    const pair = await generateKeyPair('RS256', { modulusLength: 2048, extractable: true })
    const { kty, n, e } = await exportJWK(pair.publicKey)
    const published = JSON.stringify({ kty, use: 'sig', alg: 'RS256', kid, n, e })
    const encrypted = await this.#encrypt(kid, JSON.stringify(await exportJWK(pair.privateKey)))
    await this.#options.db
      .prepare(
        `INSERT INTO signing_keys (kid, public_jwk, private_jwk, created_at)
         SELECT ?, ?, ?, ? WHERE NOT EXISTS (SELECT 1 FROM signing_keys)`,
      )
      .bind(kid, published, encrypted, this.#options.now())
      .run()
  }

  async #encrypt(kid: string, jwk: string): Promise<string> {
    const iv = crypto.getRandomValues(new Uint8Array(12))
    const sealed = await crypto.subtle.encrypt(
      { name: 'AES-GCM', iv, additionalData: new TextEncoder().encode(kid) },
      await encryptionKey(this.#options.secret),
      new TextEncoder().encode(jwk),
    )
    return `${toBase64Url(iv)}.${toBase64Url(new Uint8Array(sealed))}`
  }

  async #decrypt(row: KeyRow): Promise<CryptoKey> {
    const [iv = '', sealed = ''] = row.private_jwk.split('.')
    const jwk = await crypto.subtle.decrypt(
      {
        name: 'AES-GCM',
        iv: fromBase64Url(iv),
        additionalData: new TextEncoder().encode(row.kid),
      },
      await encryptionKey(this.#options.secret),
      fromBase64Url(sealed),
    )
    const key = await importJWK(JSON.parse(new TextDecoder().decode(jwk)) as JWK, 'RS256')
    if (key instanceof Uint8Array) throw new Error(`The key ${row.kid} is no RSA key`)
    return key
  }
}

const fromBase64Url = (text: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (char) =>
    char.charCodeAt(0),
  )

import { AppError, type KeySource, newId } from '@menagerie/core'
import { type CryptoKey, exportJWK, generateKeyPair, importJWK, type JWK } from 'jose'
import { auditStatements } from '../audit.ts'
import { purposes, seal, unseal } from '../sealing.ts'
import { dueBefore, KEYS_IN_USE, type KeyTimes, signingKey } from './key-schedule.ts'

/** How long a read of the keys is used; far less than a new key is published before it signs. */
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
  /** All keys with their private members, the one that signs first. Never leaves the isolate. */
  privateKeys: JWK[]
}

export interface SigningKeyOptions {
  db: D1Database
  /** `KEY_ENCRYPTION_KEY`. */
  secret: string
  now: () => number
}

export interface RotationOptions {
  /** How long a key signs. */
  periodMs: number
  /** How long what a key has signed may still be shown: it is published for that long after its last signature. */
  keptMs: number
  traceparent?: string
}

interface KeyRow {
  kid: string
  public_jwk: string
  private_jwk: string
  created_at: number
  retired_at: number | null
}

interface LoadedKey extends KeyTimes {
  public: PublicJwk
  private: JWK
}

/**
 * The deployment's RS256 keys in D1: one signs, the next is published beside it, and retired ones stay published while
 * something they signed may be shown. The first two are made at first need by inserts that only take place while they are
 * missing, so that two isolates end with the same; `rotate` makes the others. Private members are in D1 under AES-256-GCM
 * and nowhere else.
 */
export class SigningKeyStore implements KeySource {
  readonly #options: SigningKeyOptions
  // The values, never a pending promise: what one request waits for must not hang on another request's end.
  #cached: { at: number; keys: LoadedKey[] } | undefined
  #current: SigningKeys | undefined

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
    try {
      if (this.#cached === undefined || now - this.#cached.at >= maxAgeMs) {
        const keys = await this.#load()
        // While they are the same, so is what was made of them: the engine is made anew for others.
        if (!sameKeys(keys, this.#cached?.keys)) this.#current = undefined
        this.#cached = { at: now, keys }
      }
      const { keys } = this.#cached
      const signing = signingKey(keys)
      if (signing === undefined) throw new Error('No signing key could be made')
      if (this.#current?.kid !== signing.public.kid)
        this.#current = await toSigningKeys(signing, keys)
      return this.#current
    } catch (error) {
      throw new AppError('unavailable', 'Tokens cannot be signed now', {
        cause: error,
        retryAfterSeconds: 5,
      })
    }
  }

  async keys(fresh: boolean): Promise<{ keys: PublicJwk[] }> {
    return (await this.current(fresh ? RETRY_MS : FRESH_MS)).published
  }

  /**
   * Retires the key that signs when its time is over, which makes the next one sign, and publishes a new next one; removes
   * those whose signatures nobody can show any more. May run in many places at once, and at need with a `periodMs` of 0.
   *
   * @returns whether another key signs now
   */
  async rotate({ periodMs, keptMs, traceparent }: RotationOptions): Promise<boolean> {
    const { db } = this.#options
    const now = this.#options.now()
    await db
      .prepare('DELETE FROM signing_keys WHERE retired_at <= ?')
      .bind(now - keptMs)
      .run()
    const rows = await this.#read()
    const inUse = rows.filter((row) => row.retired_at === null)
    const [signing, next] = inUse
    const due = dueBefore(now, periodMs)
    if (signing === undefined || next === undefined || next.created_at > due) return false
    const key = await makeKey(this.#options.secret)
    const made = { sql: 'EXISTS (SELECT 1 FROM signing_keys WHERE kid = ?)', params: [key.kid] }
    const [inserted] = await db.batch([
      db
        .prepare(
          `INSERT INTO signing_keys (kid, public_jwk, private_jwk, created_at)
           SELECT ?, ?, ?, ? WHERE NOT EXISTS (SELECT 1 FROM signing_keys WHERE created_at > ?)`,
        )
        .bind(key.kid, key.public, key.sealed, now, due),
      db
        .prepare(
          `UPDATE signing_keys SET retired_at = ? WHERE kid = ? AND retired_at IS NULL AND ${made.sql}`,
        )
        .bind(now, signing.kid, ...made.params),
      ...auditStatements(
        db,
        {
          action: 'signing-key.rotated',
          actor: { kind: 'service', id: 'accounts' },
          target: { kind: 'signing-key', id: next.kid },
          detail: { retired: signing.kid, next: key.kid },
        },
        now,
        traceparent,
        made,
      ),
    ])
    this.#cached = undefined
    return inserted?.meta.changes === 1
  }

  async #load(): Promise<LoadedKey[]> {
    let rows = await this.#read()
    if (rows.filter((row) => row.retired_at === null).length < KEYS_IN_USE) {
      await this.#fill()
      rows = await this.#read()
    }
    return Promise.all(
      rows.map(async (row) => ({
        ...timesOf(row),
        public: JSON.parse(row.public_jwk) as PublicJwk,
        private: JSON.parse(
          await unseal(this.#options.secret, purposes.signingKeys, row.private_jwk, row.kid),
        ) as JWK,
      })),
    )
  }

  async #read(): Promise<KeyRow[]> {
    const { results } = await this.#options.db
      .prepare('SELECT * FROM signing_keys ORDER BY created_at, kid')
      .all<KeyRow>()
    return results
  }

  /** Makes keys until there are enough; whoever else does so at the same time makes none too many. */
  async #fill(): Promise<void> {
    const { db, secret } = this.#options
    const keys = await Promise.all(Array.from({ length: KEYS_IN_USE }, () => makeKey(secret)))
    await db.batch(
      keys.map((key) =>
        db
          .prepare(
            `INSERT INTO signing_keys (kid, public_jwk, private_jwk, created_at)
             SELECT ?, ?, ?, ? WHERE (SELECT count(*) FROM signing_keys WHERE retired_at IS NULL) < ?`,
          )
          .bind(key.kid, key.public, key.sealed, this.#options.now(), KEYS_IN_USE),
      ),
    )
  }
}

const timesOf = (row: KeyRow): KeyTimes => ({
  createdAt: row.created_at,
  retiredAt: row.retired_at,
})

const sameKeys = (keys: LoadedKey[], before: LoadedKey[] | undefined): boolean =>
  namesOf(keys) === namesOf(before ?? [])

const namesOf = (keys: LoadedKey[]): string => keys.map((key) => key.public.kid).join(' ')

async function makeKey(secret: string): Promise<{ kid: string; public: string; sealed: string }> {
  const kid = newId()
  const pair = await generateKeyPair('RS256', { modulusLength: 2048, extractable: true })
  const { kty, n, e } = await exportJWK(pair.publicKey)
  const jwk = JSON.stringify(await exportJWK(pair.privateKey))
  return {
    kid,
    public: JSON.stringify({ kty, use: 'sig', alg: 'RS256', kid, n, e }),
    sealed: await seal(secret, purposes.signingKeys, jwk, kid),
  }
}

async function toSigningKeys(signing: LoadedKey, all: LoadedKey[]): Promise<SigningKeys> {
  const { kid } = signing.public
  const privateKey = await importJWK(signing.private, 'RS256')
  if (privateKey instanceof Uint8Array) throw new Error(`The key ${kid} is no RSA key`)
  const ordered = [signing, ...all.filter((key) => key !== signing)]
  return {
    kid,
    privateKey,
    published: { keys: ordered.map((key) => key.public) },
    privateKeys: ordered.map((key) => ({ ...key.public, ...key.private })),
  }
}

import { seal, sha256Hex, unseal } from '@menagerie/core'
import type { StoredRow } from '@menagerie/durable-objects/oauth-store'
import type { Adapter, AdapterPayload } from 'oidc-provider'
import { type Env, settingsOf } from '../context.ts'
import { toMetadata } from './client-metadata.ts'
import { findClient } from './clients.ts'
import { grantOfCode, grantStore, isGrantId, shardOf } from './places.ts'
import { countUserCode } from './user-code-budget.ts'

/** A code is known for longer than it is good for, so that its second use is noticed (RFC 9700 §2.1.1). */
const CODE_KEPT_SECONDS = 600
/** What is kept without a life of its own. */
const DEFAULT_SECONDS = 3600

/** Of the key that seals the ids an index leads to. */
const INDEX = 'menagerie oauth index'

/**
 * The engine's storage over `OAuthStore`. Tokens are not kept: their models are overridden (`models/`), and ask the owner
 * of sessions. Ids that open something are kept as SHA-256, and are not in the payload; an index has them sealed.
 */
export class EngineAdapter implements Adapter {
  readonly #env: Env
  readonly #model: string

  constructor(env: Env, model: string) {
    this.#env = env
    this.#model = model
  }

  async upsert(id: string, payload: AdapterPayload, expiresIn?: number): Promise<void> {
    const place = await this.#place(id)
    if (place === undefined) throw new Error(`${this.#model} is not kept under such an id`)
    const { jti: _id, ...kept } = payload
    const seconds =
      this.#model === 'AuthorizationCode' ? CODE_KEPT_SECONDS : (expiresIn ?? DEFAULT_SECONDS)
    const lifetimeMs = seconds * 1000
    const row = { model: this.#model, id: place.id, payload: JSON.stringify(kept), lifetimeMs }
    await Promise.all([
      place.store.put(row),
      this.#index('uid', payload.uid, id, lifetimeMs),
      this.#index('userCode', payload.userCode, id, lifetimeMs),
    ])
  }

  async find(id: string): Promise<AdapterPayload | undefined> {
    if (this.#model === 'Client') {
      const client = await findClient(this.#env, id)
      return client && toMetadata(client)
    }
    const place = await this.#place(id)
    if (place === undefined) return undefined
    const row = await place.store.find(this.#model, place.id)
    return row === null ? undefined : toPayload(id, row)
  }

  findByUid(uid: string): Promise<AdapterPayload | undefined> {
    return this.#findBy('uid', uid)
  }

  async findByUserCode(userCode: string): Promise<AdapterPayload | undefined> {
    await countUserCode(this.#env)
    return this.#findBy('userCode', userCode)
  }

  async consume(id: string): Promise<void> {
    await this.consumeOnce(id)
  }

  /** @returns false for everybody but the first */
  async consumeOnce(id: string): Promise<boolean> {
    const place = await this.#place(id)
    return (await place?.store.consume(this.#model, place.id)) === 'consumed'
  }

  async destroy(id: string): Promise<void> {
    const place = await this.#place(id)
    await place?.store.remove(this.#model, place.id)
  }

  /** A grant ends in one place: `end-grant.ts`. */
  async revokeByGrantId(): Promise<void> {}

  async #place(id: string) {
    switch (this.#model) {
      case 'Grant':
        return isGrantId(id) ? { id: '', store: grantStore(this.#env, id) } : undefined
      case 'AuthorizationCode': {
        const grantId = grantOfCode(id)
        return grantId === undefined
          ? undefined
          : { id: await sha256Hex(id), store: grantStore(this.#env, grantId) }
      }
      case 'Session':
      case 'Interaction':
      case 'DeviceCode':
      case 'ReplayDetection':
        return shardOf(this.#env, id)
      default:
        throw new Error(`${this.#model} is not kept`)
    }
  }

  async #index(
    by: string,
    value: string | undefined,
    id: string,
    lifetimeMs: number,
  ): Promise<void> {
    if (value === undefined) return
    const place = await shardOf(this.#env, `${by}:${value}`)
    const payload = await seal(settingsOf(this.#env).KEY_ENCRYPTION_KEY, INDEX, id, place.id)
    const row = { model: `${this.#model} by ${by}`, id: place.id, payload, lifetimeMs }
    await place.store.put(row)
  }

  async #findBy(by: string, value: string): Promise<AdapterPayload | undefined> {
    const place = await shardOf(this.#env, `${by}:${value}`)
    const row = await place.store.find(`${this.#model} by ${by}`, place.id)
    if (row === null) return undefined
    const { KEY_ENCRYPTION_KEY } = settingsOf(this.#env)
    return this.find(await unseal(KEY_ENCRYPTION_KEY, INDEX, row.payload, place.id))
  }
}

const toPayload = (id: string, row: StoredRow): AdapterPayload => ({
  ...(JSON.parse(row.payload) as AdapterPayload),
  jti: id,
  ...(row.consumedAt === null ? {} : { consumed: Math.floor(row.consumedAt / 1000) }),
})

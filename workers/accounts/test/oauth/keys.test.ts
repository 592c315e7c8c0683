import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import { beforeAll, describe, expect, it } from 'vitest'
import { signToken } from '../../src/tokens/access-token.ts'
import { PUBLISHED_BEFORE_MS, signingKey } from '../../src/tokens/key-schedule.ts'
import { SigningKeyStore } from '../../src/tokens/signing-keys.ts'
import { env } from '../support/accounts.ts'

const day = 86_400_000
const rotation = { periodMs: 90 * day, keptMs: 31 * day }

describe('the key that signs', () => {
  it('is the oldest that is not retired', () => {
    const key = (createdAt: number, retiredAt: number | null = null) => ({ createdAt, retiredAt })
    const [first, next] = [key(0), key(0)]
    expect(signingKey([first, next])).toBe(first)
    expect(signingKey([key(0, 5), next, key(5)])).toBe(next)
  })
})

describe('rotation', () => {
  // Far ahead, so that the keys of other tests are not touched by the clock of this one.
  let now = Date.now()
  const storeOf = () =>
    new SigningKeyStore({ db: database, secret: env.KEY_ENCRYPTION_KEY, now: () => now })
  let database = env.DB
  let kept: unknown[] = []

  beforeAll(async () => {
    kept = (await env.DB.prepare('SELECT * FROM signing_keys').all()).results
    database = env.DB
    await env.DB.prepare('DELETE FROM signing_keys').run()
    return async () => {
      await env.DB.prepare('DELETE FROM signing_keys').run()
      for (const row of kept as Record<string, string | number | null>[])
        await env.DB.prepare(
          `INSERT INTO signing_keys (${Object.keys(row).join(', ')}) VALUES (${Object.keys(row)
            .map(() => '?')
            .join(', ')})`,
        )
          .bind(...Object.values(row))
          .run()
    }
  })

  it('reads the same keys again without making anew what was made of them', async () => {
    const store = storeOf()
    const first = await store.current()
    now += 61_000
    expect(await store.current()).toBe(first)
    await store.rotate({ ...rotation, periodMs: 0 })
    now += PUBLISHED_BEFORE_MS
    await store.rotate({ ...rotation, periodMs: 0 })
    expect(await store.current()).not.toBe(first)
    await env.DB.prepare('DELETE FROM signing_keys').run()
  })

  it('signs with a key that was published for a whole period, and publishes the old one until nothing of it can be shown', async () => {
    const store = storeOf()
    const kids = async () => (await store.current(0)).published.keys.map(({ kid }) => kid)
    const others = await Promise.all([store, storeOf(), storeOf()].map((each) => each.current(0)))
    const [first = '', next = ''] = await kids()
    for (const { kid, published } of others)
      expect([kid, published.keys.map((key) => key.kid)]).toEqual([first, [first, next]])
    const signed = await signToken({ sub: 'x' }, await store.current(0))

    now += 90 * day - 1
    expect(await store.rotate(rotation)).toBe(false)
    now += 1
    const made = await Promise.all(
      [store, storeOf(), storeOf()].map((each) => each.rotate(rotation)),
    )
    expect(made.filter(Boolean)).toHaveLength(1)
    const rotated = await store.current(0)
    expect(decodeProtectedHeader(await signToken({}, rotated)).kid).toBe(next)
    const third = (await kids()).at(-1) ?? ''
    expect(await kids()).toEqual([next, first, third])
    await jwtVerify(signed, createLocalJWKSet(rotated.published))
    for (const key of rotated.published.keys)
      expect(Object.keys(key).sort()).toEqual(['alg', 'e', 'kid', 'kty', 'n', 'use'])

    now += 30 * day
    await store.rotate(rotation)
    expect(await kids()).toEqual([next, first, third])
    now += 2 * day
    await store.rotate(rotation)
    expect(await kids()).toEqual([next, third])
  })

  it('is told to the audit log once for each key', async () => {
    const { kid } = await storeOf().current()
    const row = await env.DB.prepare(
      `SELECT count(*) AS n FROM outbox WHERE json_extract(body, '$.data.action') = 'signing-key.rotated'
         AND json_extract(body, '$.data.target.id') = ?`,
    )
      .bind(kid)
      .first<{ n: number }>()
    expect(row?.n).toBe(1)
  })

  it('signs with the next one at need, but not before it was published for two hours', async () => {
    const store = storeOf()
    const [before, next] = (await store.current(0)).published.keys
    expect(await store.rotate({ ...rotation, periodMs: 0 })).toBe(true)
    expect((await store.current(0)).kid).toBe(next?.kid)
    expect((await store.current(0)).kid).not.toBe(before?.kid)
    expect(await store.rotate({ ...rotation, periodMs: 0 })).toBe(false)
    now += PUBLISHED_BEFORE_MS
    expect(await store.rotate({ ...rotation, periodMs: 0 })).toBe(true)
  })
})

import { exports } from 'cloudflare:workers'
import { newId, TokenVerifier } from '@menagerie/core'
import fc from 'fast-check'
import { base64url, exportJWK, generateKeyPair, SignJWT, UnsecuredJWT } from 'jose'
import { beforeAll, describe, expect, it } from 'vitest'
import { serviceTokenClaims } from '../src/tokens/service-token.ts'
import type { ServiceTokens } from '../src/tokens/service-tokens.ts'
import { SigningKeyStore } from '../src/tokens/signing-keys.ts'
import { call, claimsOf, env, seeded, signedIn } from './support/accounts.ts'

const issuer = 'http://localhost:8787/auth/realms/menagerie'
const store = () =>
  new SigningKeyStore({ db: env.DB, secret: env.KEY_ENCRYPTION_KEY, now: () => Date.now() })

const entrypoint = (service?: string) =>
  (
    exports as unknown as {
      ServiceTokens: (options: { props: object }) => Pick<ServiceTokens, 'mint'>
    }
  ).ServiceTokens({ props: service === undefined ? {} : { service } })

let token = ''
beforeAll(async () => {
  token = (await signedIn(await seeded('admin'))).access_token
})

const profile = (bearer: string) => call('/users/profile', { token: bearer })

describe('an access token', () => {
  it('is refused in every forged form (S01–S15)', async () => {
    const keys = await store().current()
    const claims = claimsOf(token)
    const own = await generateKeyPair('RS256', { extractable: true })
    const sign = (changes: object, header: object = {}, key = keys.privateKey) =>
      new SignJWT({ ...claims, ...changes })
        .setProtectedHeader({ alg: 'RS256', kid: keys.kid, ...header })
        .sign(key)
    const [header, payload, signature] = token.split('.')
    const seconds = Math.floor(Date.now() / 1000)
    const publicKey = new TextEncoder().encode(JSON.stringify(keys.published.keys[0]))
    const forged = [
      new UnsecuredJWT(claims).encode(),
      await new SignJWT(claims).setProtectedHeader({ alg: 'HS256', kid: keys.kid }).sign(publicKey),
      await sign({}, {}, own.privateKey),
      await sign({}, { jwk: await exportJWK(own.publicKey) }, own.privateKey),
      await sign({}, { kid: '../../dev/null' }),
      await sign({}, { kid: "' OR 1=1--" }),
      await sign({ exp: seconds - 6 }),
      await sign({ exp: undefined }),
      await sign({ nbf: seconds + 60 }),
      await sign({ iat: seconds + 120 }),
      await sign({ iss: `${issuer}/` }),
      await sign({ typ: 'Refresh' }),
      await sign({ azp: 'other' }),
      await sign({ sid: newId() }),
      await sign({ resource_access: { menagerie: { roles: ['no role'] } } }),
      `${header}.${base64url.encode(JSON.stringify({ ...claims, sub: newId() }))}.${signature}`,
      `${header}.${payload}.`,
      `${token}=`,
    ]
    for (const bearer of forged) {
      const answer = await profile(bearer)
      expect([bearer, answer.status, answer.body.code]).toEqual([bearer, 401, 'unauthorized'])
    }
    expect((await profile(token)).status).toBe(200)
  })

  it('is refused with any of its characters changed (S18)', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(token.length - 1),
        fc.constantFrom(...'ABZaz09-_.=+/ '),
        async (at, char) => {
          const mutated = token.slice(0, at) + char + token.slice(at + 1)
          fc.pre(mutated !== token && decoded(mutated) !== decoded(token))
          expect((await profile(mutated)).status).toBe(401)
        },
      ),
      { numRuns: 200 },
    )
  })

  it('of a disabled account opens nothing', async () => {
    const username = await seeded('user')
    const { access_token } = await signedIn(username)
    await env.DB.prepare(`UPDATE users SET status = 'disabled' WHERE username = ?`)
      .bind(username)
      .run()
    expect((await profile(access_token)).status).toBe(401)
  })
})

/** The last character of a part may carry bits that no byte holds: such a text is the same signature. */
const decoded = (text: string): string =>
  text
    .split('.')
    .map((part) => {
      try {
        return base64url.decode(part).join()
      } catch {
        return part
      }
    })
    .join('.')

describe('a service token', () => {
  it('says who calls as the binding says, for one receiver and five minutes', async () => {
    const { token: minted, expiresAt } = await entrypoint('communications').mint('accounts')
    expect(claimsOf(minted)).toEqual({
      exp: Math.floor(expiresAt / 1000),
      iat: Math.floor(expiresAt / 1000) - 300,
      jti: expect.any(String),
      iss: issuer,
      sub: 'communications',
      typ: 'Service',
      azp: 'communications',
      aud: 'accounts',
    })
    const verifier = (audience?: string) =>
      new TokenVerifier({
        issuer,
        clientIds: ['menagerie'],
        ...(audience === undefined ? {} : { audience }),
        keys: store(),
        now: () => Date.now(),
      })
    expect(await verifier('accounts').verify(minted)).toMatchObject({
      ok: true,
      value: { kind: 'service', id: 'communications' },
    })
    expect((await verifier('devices').verify(minted)).ok).toBe(false)
    expect((await verifier().verify(minted)).ok).toBe(false)
  })

  it('is minted for known services alone', () => {
    const claims = (caller: string | undefined, audience: string) => () =>
      serviceTokenClaims(caller, audience, issuer, newId(), Date.now())
    expect(claims('gateway', 'devices')).not.toThrow()
    expect(claims('gateway', 'elsewhere')).toThrow('no service')
    expect(claims('stranger', 'accounts')).toThrow('props.service')
    expect(claims(undefined, 'accounts')).toThrow('props.service')
  })
})

describe('the signing key', () => {
  it('is one, with the next beside it, also when many isolates need the first at once', async () => {
    await env.DB.prepare('DELETE FROM signing_keys').run()
    const made = await Promise.all(Array.from({ length: 4 }, () => store().current()))
    expect(new Set(made.map(({ kid }) => kid)).size).toBe(1)
    const row = await env.DB.prepare('SELECT count(*) AS n FROM signing_keys').first<{
      n: number
    }>()
    expect(row?.n).toBe(2)
  })

  it('is readable under its own encryption key alone', async () => {
    const other = new SigningKeyStore({
      db: env.DB,
      secret: 'another key encryption key of a wrong deployment',
      now: () => Date.now(),
    })
    await expect(other.current()).rejects.toMatchObject({ code: 'unavailable' })
  })
})

describe('bad requests', () => {
  it.each([
    ['/auth/login', '{', 400, 'malformed_json'],
    ['/auth/login', '[]', 422, 'validation_failed'],
    ['/auth/login', '{"username":1,"password":"x"}', 422, 'validation_failed'],
    ['/auth/login', '{"username":"x","password":"x","admin":true}', 422, 'validation_failed'],
    ['/auth/refresh', '{}', 422, 'validation_failed'],
    ['/users/register', 'null', 422, 'validation_failed'],
  ])('%s with %s answers %i', async (path, body, status, code) => {
    const worker = (exports as unknown as { default: Fetcher }).default
    const response = await worker.fetch(`http://accounts.test${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    })
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    expect([response.status, (await response.json<{ code: string }>()).code]).toEqual([
      status,
      code,
    ])
  })

  it('healthy means a database with tables and a readable key', async () => {
    const health = await call('/health')
    expect(health.body).toMatchObject({
      status: 'ok',
      details: { database: { status: 'up' }, signingKeys: { status: 'up', count: 2 } },
    })
  })
})

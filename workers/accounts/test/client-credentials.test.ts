import { exports } from 'cloudflare:workers'
import { AccessTokenClaims, ClientTokenResponse } from '@menagerie/contracts'
import { TokenVerifier } from '@menagerie/core'
import type { JSONWebKeySet } from 'jose'
import { describe, expect, it } from 'vitest'
import { call, claimsOf, env } from './support/accounts.ts'

const worker = (exports as unknown as { default: Fetcher }).default
const issuer = 'http://localhost:8787/auth/realms/menagerie'
const path = '/auth/realms/menagerie/protocol/openid-connect/token'
const secret = env.BRIDGE_CLIENT_SECRET
const grant = { grant_type: 'client_credentials' }

/** As RFC 6749 §2.3.1 writes it: each part form-encoded, then base64. */
const basic = (id: string, password: string) => {
  const encoded = [id, password].map((part) => new URLSearchParams({ part }).toString().slice(5))
  return { authorization: `Basic ${btoa(encoded.join(':'))}` }
}

const publishedKeys = () => call('/auth/realms/menagerie/protocol/openid-connect/certs')

interface Asked {
  status: number
  headers: Headers
  body: Record<string, unknown>
}

async function ask(
  form: Record<string, string> | string,
  headers: Record<string, string> = {},
  to = path,
): Promise<Asked> {
  const response = await worker.fetch(`http://accounts.test${to}`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    body: typeof form === 'string' ? form : new URLSearchParams(form).toString(),
  })
  const { status } = response
  return { status, headers: response.headers, body: (await response.json()) as Asked['body'] }
}

describe('grant_type=client_credentials', () => {
  it.each([
    ['Basic', () => ask(grant, basic('bridge', secret))],
    ['the body', () => ask({ ...grant, client_id: 'bridge', client_secret: secret })],
    [
      'Basic and its client_id again',
      () => ask({ ...grant, client_id: 'bridge' }, basic('bridge', secret)),
    ],
  ])('gives a client its own token by %s, without a refresh token (S41)', async (_, asking) => {
    const { status, headers, body } = await asking()
    expect([status, headers.get('cache-control')]).toEqual([200, 'no-store'])
    const answer = ClientTokenResponse.parse(body)
    const claims = claimsOf(answer.access_token)
    expect(AccessTokenClaims.parse(claims)).toEqual(claims)
    expect(claims).toMatchObject({
      iss: issuer,
      azp: 'bridge',
      preferred_username: 'service-account-bridge',
      resource_access: { bridge: { roles: ['bridge'] } },
      permissions: ['devices:bridge'],
      sub: expect.stringMatching(/^[\da-f]{8}-[\da-f]{4}-8/),
    })
    expect(claims.sid).toBe(claims.session_state)
    const verifier = new TokenVerifier({
      issuer,
      clientIds: ['menagerie'],
      keys: { keys: async () => (await publishedKeys()).body as unknown as JSONWebKeySet },
      now: Date.now,
    })
    expect(await verifier.verify(answer.access_token)).toMatchObject({
      ok: true,
      value: { kind: 'client', id: claims.sub, sessionId: '', roles: ['bridge'] },
    })
  })

  it('names the client the same in every token, and no session twice', async () => {
    const tokens = await Promise.all([1, 2].map(() => ask(grant, basic('bridge', secret))))
    const [one, other] = tokens.map(({ body }) => claimsOf(String(body.access_token)))
    expect(one?.sub).toBe(other?.sub)
    expect([one?.sid === other?.sid, one?.jti === other?.jti]).toEqual([false, false])
  })

  it('opens nothing that belongs to people (S41)', async () => {
    const { body } = await ask(grant, basic('bridge', secret))
    const token = String(body.access_token)
    expect((await call('/users/profile', { token })).status).toBe(403)
    expect((await call('/users/list', { token })).status).toBe(403)
    expect((await call('/auth/logout', { method: 'POST', token })).status).toBe(403)
  })

  it.each([
    ['a wrong secret', () => ask(grant, basic('bridge', `${secret}x`))],
    ['another client', () => ask(grant, basic('other', secret))],
    ['a name every object has', () => ask(grant, basic('constructor', secret))],
    ['the client of people', () => ask(grant, basic('menagerie', ''))],
    ['an empty secret', () => ask(grant, basic('bridge', ''))],
    ['no client', () => ask(grant)],
    ['a client without a secret', () => ask({ ...grant, client_id: 'bridge' })],
    [
      'a wrong secret in the body',
      () => ask({ ...grant, client_id: 'bridge', client_secret: 'x' }),
    ],
    ['a bearer', () => ask(grant, { authorization: 'Bearer x' })],
    ['a header that is no base64', () => ask(grant, { authorization: 'Basic ===' })],
    [
      'a header that is not form-encoded',
      () => ask(grant, { authorization: `Basic ${btoa('bridge:%')}` }),
    ],
    ['a header without a colon', () => ask(grant, { authorization: `Basic ${btoa('bridge')}` })],
  ])('refuses %s as invalid_client, and says how to authenticate', async (_, asking) => {
    const { status, headers, body } = await asking()
    expect([status, body.error]).toEqual([401, 'invalid_client'])
    expect(Object.keys(body)).toEqual(['error', 'error_description'])
    expect(headers.get('www-authenticate')).toMatch(/^Basic realm=/)
    expect(headers.get('content-type')).toMatch(/^application\/json/)
    expect(headers.get('cache-control')).toBe('no-store')
    expect(headers.get('x-content-type-options')).toBe('nosniff')
  })

  const both = { ...grant, client_secret: secret }
  it.each([
    ['the secret twice', () => ask(both, basic('bridge', secret))],
    ['two clients', () => ask({ ...grant, client_id: 'other' }, basic('bridge', secret))],
    ['no grant', () => ask({}, basic('bridge', secret))],
    ['a parameter twice', () => ask('grant_type=client_credentials&grant_type=password')],
    [
      'a secret in the address',
      () => ask(grant, {}, `${path}?client_id=bridge&client_secret=${encodeURIComponent(secret)}`),
    ],
    ['JSON', () => ask('{}', { 'content-type': 'application/json' })],
    ['a form of parts', () => ask('--x', { 'content-type': 'multipart/form-data; boundary=x' })],
  ])('refuses %s as invalid_request', async (_, asking) => {
    const { status, body } = await asking()
    expect([status, body.error]).toEqual([400, 'invalid_request'])
  })

  it.each(['password', 'authorization_code', 'refresh_token', '__proto__'])(
    'refuses the grant %s as unsupported',
    async (grant_type) => {
      const { status, body } = await ask({ grant_type }, basic('bridge', secret))
      expect([status, body.error]).toEqual([400, 'unsupported_grant_type'])
    },
  )

  it('stands in its realm alone', async () => {
    const elsewhere = '/auth/realms/other/protocol/openid-connect/token'
    const { status, headers, body } = await ask(grant, basic('bridge', secret), elsewhere)
    expect([status, body.code]).toEqual([404, 'not_found'])
    expect(headers.get('content-type')).toBe('application/problem+json')
  })
})

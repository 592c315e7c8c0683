import { AccessTokenClaims, ClientTokenResponse } from '@menagerie/contracts'
import { describe, expect, it } from 'vitest'
import { call, claimsOf, env } from '../support/accounts.ts'
import { basic, issuer, post, protocol, registered, token } from '../support/oauth.ts'

const secret = env.BRIDGE_CLIENT_SECRET
const grant = { grant_type: 'client_credentials' }
const path = `${protocol}/token`

const audited = async (action: string, target: string): Promise<number> => {
  const row = await env.DB.prepare(
    `SELECT count(*) AS n FROM outbox WHERE json_extract(body, '$.data.action') = ?
       AND json_extract(body, '$.data.target.id') = ?`,
  )
    .bind(action, target)
    .first<{ n: number }>()
  return row?.n ?? 0
}

describe('grant_type=client_credentials', () => {
  it.each([
    ['Basic', () => token(grant, undefined, basic('bridge', secret))],
    ['the body', () => token({ ...grant, client_id: 'bridge', client_secret: secret })],
    [
      'Basic and its client_id again',
      () => token({ ...grant, client_id: 'bridge' }, undefined, basic('bridge', secret)),
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
  })

  it('names the client the same in every token, and lets them share a session', async () => {
    const tokens = await Promise.all(
      [1, 2].map(() => token(grant, undefined, basic('bridge', secret))),
    )
    const [one, another] = tokens.map(({ body }) => claimsOf(String(body.access_token)))
    expect([one?.sub, one?.jti === another?.jti]).toEqual([another?.sub, false])
    const again = await token(grant, undefined, basic('bridge', secret))
    expect(claimsOf(String(again.body.access_token)).sub).toBe(one?.sub)
  })

  it('opens nothing that belongs to people (S41)', async () => {
    const { body } = await token(grant, undefined, basic('bridge', secret))
    const own = String(body.access_token)
    expect((await call('/users/profile', { token: own })).status).toBe(403)
    expect((await call('/users/list', { token: own })).status).toBe(403)
    expect((await call('/auth/logout', { method: 'POST', token: own })).status).toBe(403)
    const info = await call(`${protocol}/userinfo`, { token: own })
    expect(info.status).toBe(401)
  })

  it('gives the roles of a registered client, told once in the audit log; revoked, it is dead', async () => {
    const client = await registered({
      type: 'confidential',
      grantTypes: ['client_credentials'],
      redirectUris: [],
      scopes: [],
      roles: ['supervisor'],
    })
    const { body } = await token(grant, client)
    const value = String(body.access_token)
    expect(claimsOf(value)).toMatchObject({
      azp: client.id,
      permissions: expect.arrayContaining(['users:read']),
    })
    expect((await call('/users/list', { token: value })).status).toBe(200)
    expect(await audited('client.authenticated', client.id)).toBe(1)
    const seen = await post(`${protocol}/token/introspect`, { token: value }, client)
    expect(seen.body).toMatchObject({ active: true, username: `service-account-${client.id}` })
    expect((await post(`${protocol}/revoke`, { token: value }, client)).status).toBe(200)
    const after = await post(`${protocol}/token/introspect`, { token: value }, client)
    expect(after.body).toEqual({ active: false })
  })

  it.each([
    ['a wrong secret', () => token(grant, undefined, basic('bridge', `${secret}x`))],
    ['another client', () => token(grant, undefined, basic('other', secret))],
    ['a name every object has', () => token(grant, undefined, basic('constructor', secret))],
    ['the client of people', () => token(grant, undefined, basic('menagerie', 'x'))],
    ['a client without a secret', () => token({ ...grant, client_id: 'bridge' })],
    [
      'a wrong secret in the body',
      () => token({ ...grant, client_id: 'bridge', client_secret: 'x' }),
    ],
  ])('refuses %s as invalid_client, and says how to authenticate (S38)', async (_, asking) => {
    const { status, headers, body } = await asking()
    expect([status, body.error]).toEqual([401, 'invalid_client'])
    expect(Object.keys(body)).toEqual(['error', 'error_description'])
    expect(headers.get('www-authenticate')).toMatch(/^Basic realm=/)
    expect(headers.get('content-type')).toMatch(/^application\/json/)
    expect(headers.get('cache-control')).toBe('no-store')
    expect(headers.get('x-content-type-options')).toBe('nosniff')
  })

  it('tells the audit log of every refused client once', async () => {
    const client = await registered({ type: 'confidential' })
    await token(grant, undefined, basic(client.id, 'wrong'))
    expect(await audited('client.authentication-failed', client.id)).toBe(1)
  })

  const both = { ...grant, client_secret: secret }
  it.each([
    ['the secret twice', () => token(both, undefined, basic('bridge', secret))],
    [
      'two clients',
      () => token({ ...grant, client_id: 'other' }, undefined, basic('bridge', secret)),
    ],
    ['no grant', () => token({}, undefined, basic('bridge', secret))],
    ['no client', () => token(grant)],
    ['an empty secret', () => token(grant, undefined, basic('bridge', ''))],
    ['a bearer', () => token(grant, undefined, { authorization: 'Bearer x' })],
    ['a header that is no base64', () => token(grant, undefined, { authorization: 'Basic ===' })],
    [
      'a header that is not form-encoded',
      () => token(grant, undefined, { authorization: `Basic ${btoa('bridge:%')}` }),
    ],
    [
      'a header without a colon',
      () => token(grant, undefined, { authorization: `Basic ${btoa('bridge')}` }),
    ],
    [
      'a parameter twice',
      () =>
        token(
          'grant_type=client_credentials&grant_type=password',
          undefined,
          basic('bridge', secret),
        ),
    ],
    [
      'a secret in the address',
      () => post(`${path}?client_id=bridge&client_secret=${encodeURIComponent(secret)}`, grant),
    ],
    ['JSON', () => token('{}', undefined, { 'content-type': 'application/json' })],
    [
      'a form of parts',
      () => token('--x', undefined, { 'content-type': 'multipart/form-data; boundary=x' }),
    ],
  ])('refuses %s as invalid_request', async (_, asking) => {
    const { status, body } = await asking()
    expect([status, body.error]).toEqual([400, 'invalid_request'])
  })

  it.each([
    ['password', 'unsupported_grant_type'],
    ['__proto__', 'unsupported_grant_type'],
    ['implicit', 'unsupported_grant_type'],
    ['authorization_code', 'unauthorized_client'],
    ['refresh_token', 'unauthorized_client'],
  ])('refuses the grant %s to the bridge as %s', async (grant_type, error) => {
    const { status, body } = await token({ grant_type }, undefined, basic('bridge', secret))
    expect([status, body.error]).toEqual([400, error])
  })

  it('stands in its realm alone', async () => {
    const elsewhere = '/auth/realms/other/protocol/openid-connect/token'
    const { status, headers, body } = await post(
      elsewhere,
      grant,
      undefined,
      basic('bridge', secret),
    )
    expect([status, body.code]).toEqual([404, 'not_found'])
    expect(headers.get('content-type')).toBe('application/problem+json')
  })
})

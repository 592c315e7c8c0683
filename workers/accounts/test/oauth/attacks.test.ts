import type { TokenResponse } from '@menagerie/contracts'
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { call, claimsOf, env, seeded, signedIn } from '../support/accounts.ts'
import {
  accountOf,
  authorizeUrl,
  Browser,
  basic,
  codeFor,
  exchange,
  issuer,
  pkce,
  post,
  protocol,
  realm,
  redirectUri,
  refreshWith,
  registered,
  type TestClient,
  token,
  tokensOf,
} from '../support/oauth.ts'

let client: TestClient
let other: TestClient
let confidential: TestClient
let username = ''
beforeAll(async () => {
  client = await registered()
  other = await registered()
  confidential = await registered({ type: 'confidential' })
  username = await seeded('user')
})
afterEach(() => {
  vi.useRealTimers()
})

const refused = (answer: { status: number; body: Record<string, unknown> }) => [
  answer.status,
  answer.body.error,
]
const isAlive = async (accessToken: unknown): Promise<boolean> => {
  const { sub, sid } = claimsOf(String(accessToken)) as { sub: string; sid: string }
  return (await env.USER_SESSIONS.getByName(sub).check(sid)).alive
}

describe('refresh tokens', () => {
  it('of one client shown by another are refused, and their family ends (S22)', async () => {
    const tokens = await tokensOf(client, username)
    const stolen = await refreshWith(other, String(tokens.refresh_token))
    expect(refused(stolen)).toEqual([400, 'invalid_grant'])
    expect(await isAlive(tokens.access_token)).toBe(false)
    const own = await refreshWith(client, String(tokens.refresh_token))
    expect(refused(own)).toEqual([400, 'invalid_grant'])
  })

  it('are refused after their absolute life, though rotated (S23)', async () => {
    const { refresh_token } = await tokensOf(client, username)
    const day = 86_400_000
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 29 * day })
    const rotated = await refreshWith(client, String(refresh_token))
    expect(rotated.status).toBe(200)
    vi.setSystemTime(Date.now() + 2 * day)
    const late = await refreshWith(client, String(rotated.body.refresh_token))
    expect(refused(late)).toEqual([400, 'invalid_grant'])
  })

  it('give no wider scope than was granted, and a narrower one (S24)', async () => {
    const { refresh_token } = await tokensOf(client, username)
    const wider = await refreshWith(client, String(refresh_token), { scope: 'openid phone' })
    expect(refused(wider)).toEqual([400, 'invalid_scope'])
    const narrower = await refreshWith(client, String(refresh_token), { scope: 'openid' })
    expect([narrower.status, narrower.body.scope]).toEqual([200, 'openid'])
    const full = await refreshWith(client, String(narrower.body.refresh_token))
    expect(full.body.scope).toBe('openid profile email')
  })

  it('shown twice after the grace end the family (S19)', async () => {
    const { refresh_token } = await tokensOf(client, username)
    const next = await refreshWith(client, String(refresh_token))
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 11_000 })
    expect(refused(await refreshWith(client, String(refresh_token)))).toEqual([
      400,
      'invalid_grant',
    ])
    expect(await isAlive(next.body.access_token)).toBe(false)
    const after = await refreshWith(client, String(next.body.refresh_token))
    expect(refused(after)).toEqual([400, 'invalid_grant'])
  })

  it('used a hundred times at once leave one line alive (S20)', async () => {
    const { refresh_token } = await tokensOf(client, username)
    const all = await Promise.all(
      Array.from({ length: 100 }, () => refreshWith(client, String(refresh_token))),
    )
    expect(new Set(all.map(({ status }) => status))).toEqual(new Set([200]))
    expect(new Set(all.map(({ body }) => body.refresh_token)).size).toBe(1)
  })

  it('of a sign-in by our own API are good for our own client at the token endpoint', async () => {
    const tokens: TokenResponse = await signedIn(username)
    const own = { id: env.CLIENT_ID, secret: null }
    const refreshed = await refreshWith(own, tokens.refresh_token)
    expect([refreshed.status, refreshed.body]).toMatchObject([200, { scope: 'email profile' }])
    expect(claimsOf(String(refreshed.body.access_token))).toMatchObject({
      sid: tokens.session_state,
      permissions: expect.arrayContaining(['profile:read']),
    })
    expect(refreshed.body.id_token).toBeUndefined()
  })
})

describe('redirect addresses', () => {
  it.each([
    `${redirectUri}/more`,
    `${redirectUri}/../other`,
    `${redirectUri}?x=1`,
    `${redirectUri}#f`,
    'https://app.example:8443/callback',
    'http://app.example/callback',
    'https://APP.example/callback',
    'https://app.example@evil.example/callback',
    'https://user:pw@app.example/callback',
    'https://app.example\\@evil.example/callback',
    'https://sub.app.example/callback',
    'https://app.example/%63allback',
    'javascript:alert(1)',
    '//app.example/callback',
  ])('other than the registered lead nowhere: %s (S29)', async (uri) => {
    const answer = await new Browser().open(
      authorizeUrl(client, pkce().challenge, { redirect_uri: uri }),
    )
    expect([answer.status, answer.headers.get('location')]).toEqual([400, null])
    expect(answer.headers.get('content-type')).toMatch(/^text\/html/)
    expect(answer.headers.get('content-security-policy')).toContain("frame-ancestors 'none'")
  })

  it('of an app on a device may have any port on loopback alone (RFC 8252 §7.3)', async () => {
    const native = await registered({ redirectUris: ['http://127.0.0.1/callback'] })
    const ask = (redirect_uri: string) =>
      new Browser().open(authorizeUrl(native, pkce().challenge, { redirect_uri }))
    expect((await ask('http://127.0.0.1:43210/callback')).status).toBe(303)
    expect((await ask('http://127.0.0.1:43210/other')).status).toBe(400)
    expect((await ask('http://127.0.0.2:43210/callback')).status).toBe(400)
  })
})

describe('PKCE', () => {
  const errorOf = async (who: TestClient, changes: Record<string, string | undefined>) => {
    const answer = await new Browser().open(authorizeUrl(who, pkce().challenge, changes))
    return new URL(answer.headers.get('location') ?? '').searchParams.get('error')
  }

  it('is required of every client (S30)', async () => {
    const without = { code_challenge: undefined, code_challenge_method: undefined }
    expect(await errorOf(client, without)).toBe('invalid_request')
    expect(await errorOf(confidential, without)).toBe('invalid_request')
  })

  it.each(['plain', undefined])('takes S256 alone, not %s (S31)', async (method) => {
    expect(await errorOf(client, { code_challenge_method: method })).toBe('invalid_request')
  })

  it.each([
    ['missing', undefined],
    ['wrong', 'x'.repeat(43)],
    ['too short', 'x'.repeat(42)],
    ['too long', 'x'.repeat(129)],
  ])('refuses a verifier that is %s (S32)', async (_, verifier) => {
    const { code } = await codeFor(client, username)
    const answer = await token(
      {
        grant_type: 'authorization_code',
        code,
        redirect_uri: redirectUri,
        ...(verifier === undefined ? {} : { code_verifier: verifier }),
      },
      client,
    )
    expect(refused(answer)).toEqual([400, 'invalid_grant'])
  })
})

describe('a code', () => {
  it('shown twice is refused, and the tokens of its first use end (S33)', async () => {
    const given = await codeFor(client, username)
    const first = await exchange(client, given)
    expect([first.status, await isAlive(first.body.access_token)]).toEqual([200, true])
    expect(refused(await exchange(client, given))).toEqual([400, 'invalid_grant'])
    expect(await isAlive(first.body.access_token)).toBe(false)
  })

  it('is good for a minute, its own client and its own address (S34)', async () => {
    const [late, foreign, elsewhere] = await Promise.all(
      [1, 2, 3].map(() => codeFor(client, username)),
    )
    if (late === undefined || foreign === undefined || elsewhere === undefined)
      throw new Error('no codes')
    expect(refused(await exchange(other, foreign))).toEqual([400, 'invalid_grant'])
    const moved = await exchange(client, elsewhere, { redirect_uri: 'https://app.example/other' })
    expect(refused(moved)).toEqual([400, 'invalid_grant'])
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 61_000 })
    expect(refused(await exchange(client, late))).toEqual([400, 'invalid_grant'])
  })

  it('shown fifty times at once is good once, and its session ends (S35)', async () => {
    const given = await codeFor(client, username)
    const all = await Promise.all(Array.from({ length: 50 }, () => exchange(client, given)))
    const good = all.filter(({ status }) => status === 200)
    expect(good).toHaveLength(1)
    for (const answer of all)
      if (answer.status !== 200) expect(answer.body.error).toBe('invalid_grant')
    expect(await isAlive(good[0]?.body.access_token)).toBe(false)
  })

  it.each(['', 'x', 'x.y', `${crypto.randomUUID()}.y`, `${'a'.repeat(9000)}.b`])(
    'that nobody gave is refused: %s',
    async (code) => {
      const answer = await exchange(client, { code, verifier: pkce().verifier })
      expect(answer.status).toBe(400)
    },
  )
})

describe('what is not offered', () => {
  it('is refused by name: implicit flow and passwords (S36)', async () => {
    const implicit = await new Browser().open(
      authorizeUrl(client, pkce().challenge, { response_type: 'token' }),
    )
    expect(implicit.headers.get('location')).toContain('error=unsupported_response_type')
    const password = await token({ grant_type: 'password', username, password: 'x' }, client)
    expect(refused(password)).toEqual([400, 'unsupported_grant_type'])
  })

  it('is refused to a client that may not: grants and scopes (S37)', async () => {
    const grant = await token({ grant_type: 'client_credentials' }, confidential)
    expect(refused(grant)).toEqual([400, 'unauthorized_client'])
    const scope = await new Browser().open(
      authorizeUrl(client, pkce().challenge, { scope: 'openid users:write' }),
    )
    expect(scope.headers.get('location')).toContain('error=invalid_scope')
    const machine = await registered({
      type: 'confidential',
      grantTypes: ['client_credentials'],
      redirectUris: [],
      scopes: [],
      roles: ['user'],
    })
    const wide = await token({ grant_type: 'client_credentials', scope: 'users:read' }, machine)
    expect(refused(wide)).toEqual([400, 'invalid_scope'])
  })
})

describe('a client that shows who it is', () => {
  it('with a wrong secret, or twice, or in the address, is refused (S38)', async () => {
    const [id, secret] = [confidential.id, confidential.secret ?? '']
    const grant = { grant_type: 'refresh_token', refresh_token: 'x' }
    const wrong = await token(grant, undefined, basic(id, `${secret}x`))
    expect(refused(wrong)).toEqual([401, 'invalid_client'])
    expect(wrong.headers.get('www-authenticate')).toMatch(/^Basic realm=/)
    const none = await token({ ...grant, client_id: id })
    expect(refused(none)).toEqual([401, 'invalid_client'])
    const twice = await token({ ...grant, client_secret: secret }, undefined, basic(id, secret))
    expect(refused(twice)).toEqual([400, 'invalid_request'])
    const address = `${protocol}/token?client_id=${id}&client_secret=${secret}`
    expect(refused(await post(address, grant))).toEqual([400, 'invalid_request'])
    const right = await token(grant, undefined, basic(id, secret))
    expect(refused(right)).toEqual([400, 'invalid_grant'])
  })
})

describe('pages', () => {
  it('always ask for consent where the client is not our own, and never where it is (S40)', async () => {
    const browser = new Browser()
    const first = await codeFor(client, username, {}, browser)
    const second = await codeFor(client, username, {}, browser)
    expect([first.pages, second.pages]).toEqual([['login', 'consent'], ['consent']])
    const ours = await registered({ firstParty: true })
    const third = await codeFor(ours, username, {}, browser)
    expect(third.pages).toEqual([])
    const { body } = await exchange(ours, third)
    expect(claimsOf(String(body.access_token)).permissions).toContain('profile:read')
  })

  it('tell the issuer in the answer, and in an error too (S39)', async () => {
    const { callback } = await codeFor(client, username)
    expect(callback.searchParams.get('iss')).toBe(issuer)
    const answer = await new Browser().open(
      authorizeUrl(client, pkce().challenge, { prompt: 'none' }),
    )
    const refusal = new URL(answer.headers.get('location') ?? '').searchParams
    expect([refusal.get('error'), refusal.get('iss'), refusal.get('state')]).toEqual([
      'login_required',
      issuer,
      'a state',
    ])
  })

  it('keep cookies that only our host gets back, over TLS, and no script reads (S27)', async () => {
    const { browser } = await codeFor(client, username)
    expect(browser.set.length).toBeGreaterThan(3)
    for (const line of browser.set) {
      expect(line).toMatch(/^__(Host|Secure)-/)
      expect(line).toMatch(/; ?secure/i)
      expect(line).toMatch(/; ?httponly/i)
      expect(line).toMatch(/; ?samesite=lax/i)
      expect(line).not.toMatch(/domain=/i)
      if (line.startsWith('__Host-')) expect(line).toMatch(/; ?path=\/(;|$)/i)
    }
  })
})

describe('a sign-in that was overtaken', () => {
  it('asks again after another password, and after all its sessions were ended', async () => {
    const name = await seeded('user')
    const sub = await accountOf(name)
    const ours = await registered({ firstParty: true })
    const browser = new Browser()
    const first = await codeFor(ours, name, {}, browser)
    expect((await exchange(ours, first)).status).toBe(200)
    expect((await codeFor(ours, name, {}, browser)).pages).toEqual([])
    await env.USER_SESSIONS.getByName(sub).revokeAll('system', {}, 'revoked')
    const again = await codeFor(ours, name, {}, browser)
    expect(again.pages).toEqual(['login'])
    await exchange(ours, again)
    await env.DB.prepare('UPDATE users SET password_changed_at = ? WHERE id = ?')
      .bind(Date.now() + 2_000, sub)
      .run()
    expect(
      (await codeFor(ours, name, { prompt: 'none' }, browser)).callback.searchParams.get('error'),
    ).toBe('login_required')
  })
})

describe('a token', () => {
  it('of another client says nothing and cannot be revoked (S42)', async () => {
    const stranger = await registered({ type: 'confidential' })
    const tokens = await tokensOf(confidential, username)
    for (const value of [tokens.access_token, tokens.refresh_token]) {
      const seen = await post(`${protocol}/token/introspect`, { token: String(value) }, stranger)
      expect([seen.status, seen.body]).toEqual([200, { active: false }])
      expect((await post(`${protocol}/revoke`, { token: String(value) }, stranger)).status).toBe(
        200,
      )
    }
    expect(await isAlive(tokens.access_token)).toBe(true)
    const anonymous = await post(`${protocol}/token/introspect`, { token: 'x' })
    expect(anonymous.status).toBe(400)
    const mine = await tokensOf(client, username)
    const open = await post(
      `${protocol}/token/introspect`,
      { token: String(mine.access_token) },
      client,
    )
    expect(refused(open)).toEqual([401, 'invalid_client'])
  })
})

describe('what is published', () => {
  it('names this issuer whatever a request says, and public members of keys alone (S44)', async () => {
    const { body } = await call(`${realm}/.well-known/openid-configuration`, {
      headers: {
        'x-forwarded-host': 'evil.example',
        'x-forwarded-proto': 'https',
        forwarded: 'host=evil.example',
      },
    })
    const metadata = body as unknown as Record<string, unknown>
    expect(metadata.issuer).toBe(issuer)
    expect(JSON.stringify(metadata)).not.toContain('evil')
    expect(metadata).toMatchObject({
      token_endpoint: `${issuer}/protocol/openid-connect/token`,
      jwks_uri: `${issuer}/protocol/openid-connect/certs`,
      grant_types_supported: expect.not.arrayContaining(['implicit', 'password']),
      response_types_supported: ['code'],
      code_challenge_methods_supported: ['S256'],
    })
    expect(metadata.pushed_authorization_request_endpoint).toBeUndefined()
    const certs = await call(`${protocol}/certs`)
    const { keys } = certs.body as unknown as { keys: Record<string, unknown>[] }
    for (const key of keys)
      expect(Object.keys(key).sort()).toEqual(['alg', 'e', 'kid', 'kty', 'n', 'use'])
  })

  it('stands in one realm alone', async () => {
    for (const path of [
      '.well-known/openid-configuration',
      'protocol/openid-connect/certs',
      'device',
    ]) {
      const answer = await call(`/auth/realms/other/${path}`)
      expect([path, answer.status, answer.body.code]).toEqual([path, 404, 'not_found'])
    }
  })
})

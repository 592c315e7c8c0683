import { AccessTokenClaims, permissionsOf, type TokenResponse } from '@menagerie/contracts'
import { createLocalJWKSet, jwtVerify } from 'jose'
import { describe, expect, it } from 'vitest'
import { call, claimsOf, env, freshPhone, password, seeded, signedIn } from './support/accounts.ts'

describe('signing in', () => {
  it('answers tokens as OAuth 2.0 names them (contract §2)', async () => {
    const username = await seeded('agent')
    const answer = await call<TokenResponse>('/auth/login', {
      body: { phoneNumber: username, password, deviceName: 'a browser' },
    })
    expect(answer.status).toBe(200)
    expect(answer.headers.get('cache-control')).toBe('no-store')
    expect(answer.body.data).toMatchObject({
      token_type: 'Bearer',
      expires_in: 900,
      refresh_expires_in: 2_592_000,
      scope: 'email profile',
    })
  })

  it("mints exactly the claims of the seed's sample, with permissions (A13)", async () => {
    const username = await seeded('agent')
    const tokens = await signedIn(username)
    const claims = claimsOf(tokens.access_token)
    expect(Object.keys(claims).sort()).toEqual(
      [
        'exp iat jti iss sub typ azp session_state acr resource_access scope sid',
        'email_verified preferred_username permissions',
      ]
        .join(' ')
        .split(' ')
        .sort(),
    )
    const parsed = AccessTokenClaims.parse(claims)
    expect(parsed).toMatchObject({
      iss: 'http://localhost:8787/auth/realms/menagerie',
      typ: 'Bearer',
      azp: 'menagerie',
      acr: '1',
      resource_access: { menagerie: { roles: ['agent'] } },
      scope: 'email profile',
      email_verified: true,
      preferred_username: username,
      permissions: permissionsOf(['agent']),
    })
    expect(parsed.session_state).toBe(parsed.sid)
    expect(parsed.sid).toBe(tokens.session_state)
    expect(parsed.exp - parsed.iat).toBe(900)
  })

  it('signs with a key that certs publishes, without private members (RFC 7517 §9.2)', async () => {
    const tokens = await signedIn(await seeded('user'))
    const certs = await call('/auth/realms/menagerie/protocol/openid-connect/certs')
    const { keys } = certs.body as unknown as { keys: Record<string, string>[] }
    // The one that signs, and the next.
    expect(keys).toHaveLength(2)
    for (const key of keys)
      expect(Object.keys(key).sort()).toEqual(['alg', 'e', 'kid', 'kty', 'n', 'use'])
    const verified = await jwtVerify(
      tokens.access_token,
      createLocalJWKSet({ keys: keys as never }),
      { algorithms: ['RS256'] },
    )
    expect(verified.protectedHeader.alg).toBe('RS256')
  })

  it('knows one realm', async () => {
    const answer = await call('/auth/realms/other/protocol/openid-connect/certs')
    expect([answer.status, answer.body.code]).toEqual([404, 'not_found'])
  })

  it('takes a phone number in any writing and an address in any case as user name', async () => {
    const phone = await seeded('user', '+12025559901')
    await seeded('user', 'ada@example.com')
    for (const username of [phone, '+1 (202) 555-9901', 'Ada@Example.COM']) {
      const answer = await call('/users/login', { body: { username, password } })
      expect([username, answer.status]).toEqual([username, 200])
    }
  })

  it('answers unknown users, wrong passwords and disabled accounts alike (ASVS 6.3.8)', async () => {
    const known = await seeded('user')
    const disabled = await seeded('user')
    await env.DB.prepare(`UPDATE users SET status = 'disabled' WHERE username = ?`)
      .bind(disabled)
      .run()
    const answers = await Promise.all([
      call('/auth/login', { body: { username: freshPhone(), password } }),
      call('/auth/login', { body: { username: known, password: 'wrong password' } }),
      call('/auth/login', { body: { username: disabled, password } }),
      call('/auth/login', { body: { username: known, password: password.padEnd(80, 'x') } }),
    ])
    const bodies = answers.map(({ body }) => JSON.stringify({ ...body, requestId: '' }))
    expect(answers.map(({ status }) => status)).toEqual([401, 401, 401, 401])
    expect(new Set(bodies).size).toBe(1)
    expect(answers[0]?.headers.get('www-authenticate')).toContain('Bearer')
  })

  it('refuses a client nobody knows', async () => {
    const body = { username: await seeded('user'), password, clientId: 'other' }
    const answer = await call('/auth/login', { body })
    expect([answer.status, answer.body.code]).toEqual([422, 'validation_failed'])
  })

  it('hashes a password anew when its cost is another', async () => {
    const username = await seeded('user')
    const { hashPassword } = await import('../src/passwords.ts')
    await env.DB.prepare('UPDATE users SET password_hash = ? WHERE username = ?')
      .bind(await hashPassword(password, 5), username)
      .run()
    await signedIn(username)
    const row = await env.DB.prepare('SELECT password_hash FROM users WHERE username = ?')
      .bind(username)
      .first<{ password_hash: string }>()
    expect(row?.password_hash).toMatch(/^\$2b\$04\$/)
    await signedIn(username)
  })
})

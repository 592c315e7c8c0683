import type { TokenResponse } from '@menagerie/contracts'
import { describe, expect, it } from 'vitest'
import { claimsOf, env, password, seeded } from '../support/accounts.ts'
import { registered, tokensOf } from '../support/oauth.ts'
import {
  account,
  ask,
  auditsOf,
  codeAt,
  freshEmail,
  freshNumber,
  idOf,
  lastCodeTo,
  login,
  messagesTo,
  steppedUp,
  withTotp,
} from './support.ts'

const start = (body: object, token?: string) => ask('/auth/otp/start', { body, token })
const rowOf = (id: string) =>
  env.DB.prepare('SELECT username, phone_number, email, status FROM users WHERE id = ?')
    .bind(id)
    .first<{
      username: string
      phone_number: string | null
      email: string | null
      status: string
    }>()

/** An account somebody made with an address that is not theirs, and the token of their session. */
async function madeInAnothersName() {
  const email = freshEmail()
  const secret = 'what the attacker knows'
  const made = await ask('/users/register', { body: { email, password: secret } })
  expect(made.status).toBe(201)
  const signedIn = await login(email, secret)
  expect(signedIn.status).toBe(200)
  return { email, secret, id: await idOf(email), token: signedIn.body.data.access_token }
}

const linkTo = async (to: string) =>
  (await messagesTo(to))
    .findLast(({ category }) => category === 'password-reset')
    ?.body.match(/#token=([\w-]+)/)?.[1] ?? ''

describe("an account made with somebody else's address", () => {
  it('loses its sessions and factors when the owner verifies the address', async () => {
    const made = await madeInAnothersName()
    await withTotp(made)
    await start({ purpose: 'verify', email: made.email })
    const body = { email: made.email, code: await lastCodeTo(made.email) }
    expect((await ask('/auth/email/verify', { body })).status).toBe(204)
    expect((await ask('/users/profile/sessions', { token: made.token })).body.data).toEqual([])
    const again = await login(made.email, made.secret)
    expect([again.status, again.body.code]).toEqual([200, undefined])
    expect((await auditsOf(made.id)).filter((a) => a === 'account.verified')).toHaveLength(1)
  })

  it('keeps them when the code is shown in a session of the account', async () => {
    const made = await madeInAnothersName()
    await start({ purpose: 'verify', email: made.email })
    const body = { email: made.email, code: await lastCodeTo(made.email) }
    expect((await ask('/auth/email/verify', { token: made.token, body })).status).toBe(204)
    const sessions = await ask<unknown[]>('/users/profile/sessions', { token: made.token })
    expect(sessions.body.data).toHaveLength(1)
  })

  it('is the owner’s alone once they set a password by a link, which verifies the address', async () => {
    const made = await madeInAnothersName()
    await withTotp(made)
    await ask('/auth/password/forgot', { body: { email: made.email } })
    const token = await linkTo(made.email)
    const mine = 'what only the owner knows'
    const reset = await ask('/auth/password/reset', { body: { token, password: mine } })
    expect(reset.status).toBe(204)
    expect((await ask('/users/profile/sessions', { token: made.token })).body.data).toEqual([])
    expect((await login(made.email, made.secret)).body.code).toBe('invalid_credentials')
    expect((await login(made.email, mine)).status).toBe(200)
    expect((await rowOf(made.id))?.status).toBe('active')
    const audits = await auditsOf(made.id)
    for (const action of ['account.verified', 'password.reset'])
      expect(audits.filter((a) => a === action)).toHaveLength(1)
  })

  it('gives the address up when its maker proves another', async () => {
    const made = await madeInAnothersName()
    const number = freshNumber()
    expect((await start({ purpose: 'change', phoneNumber: number }, made.token)).status).toBe(202)
    const body = { phoneNumber: number, code: await lastCodeTo(number) }
    expect((await ask('/auth/phone/verify', { token: made.token, body })).status).toBe(204)
    expect(await rowOf(made.id)).toEqual({
      username: number,
      phone_number: number,
      email: null,
      status: 'active',
    })
    const owner = await ask('/users/register', { body: { email: made.email, password } })
    expect(owner.status).toBe(201)
    expect(await idOf(made.email)).not.toBe(made.id)
  })
})

describe("the token of another's app", () => {
  it('opens nothing that a user signs in with, whatever its scope says (S41)', async () => {
    const username = freshEmail()
    await seeded('user', username)
    const scopes = ['openid', 'profile:read', 'profile:write']
    const client = await registered({ scopes })
    const { access_token: token = '' } = await tokensOf(client, username, {
      scope: scopes.join(' '),
    })
    expect(claimsOf(token).permissions).toEqual(['profile:read', 'profile:write'])
    const id = await idOf(username)
    const refused: [string, string, object?][] = [
      ['POST', '/users/profile/mfa/totp'],
      ['PUT', '/users/profile/mfa/totp', { code: '123456' }],
      ['DELETE', '/users/profile/mfa/totp', { password, code: '123456' }],
      ['GET', '/users/profile/mfa/recovery-codes'],
      ['GET', '/users/profile/mfa/passkeys'],
      ['POST', '/auth/passkeys/register/options'],
      ['POST', '/auth/password/change', { currentPassword: password, newPassword: 'a'.repeat(20) }],
      ['POST', '/auth/step-up', { method: 'totp', code: '123456' }],
      ['POST', '/auth/otp/start', { purpose: 'step-up', channel: 'email' }],
      ['POST', '/auth/otp/start', { purpose: 'change', email: freshEmail() }],
      ['POST', '/auth/email/verify', { email: freshEmail(), code: '123456' }],
      ['GET', '/users/profile/sessions'],
      ['DELETE', '/users/profile/sessions'],
      ['DELETE', `/users/profile/sessions/${id}`],
      ['PATCH', `/users/profile/sessions/${id}`, { name: 'mine' }],
    ]
    for (const [method, path, body] of refused) {
      const answer = await ask(path, { method, token, ...(body && { body }) })
      expect([method, path, answer.status, answer.body?.code]).toEqual([
        method,
        path,
        403,
        'forbidden',
      ])
    }
    const named = { displayName: 'By the app' }
    const profile = await ask('/users/profile', { method: 'PATCH', token, body: named })
    expect(profile.status).toBe(200)
  })

  it('opens them at a client of ours', async () => {
    const username = freshEmail()
    await seeded('user', username)
    const client = await registered({ firstParty: true })
    const { access_token: token } = await tokensOf(client, username)
    expect((await ask('/users/profile/sessions', { token })).status).toBe(200)
  })
})

describe('a step-up', () => {
  it('with a code by SMS is none for who has an app', async () => {
    const user = await account()
    await start({ purpose: 'step-up', channel: 'sms' }, user.token)
    await withTotp(user)
    const body = { method: 'sms', code: await lastCodeTo(user.username) }
    expect((await ask('/auth/step-up', { token: user.token, body })).status).toBe(401)
    expect((await start({ purpose: 'step-up', channel: 'sms' }, user.token)).status).toBe(401)
  })

  it('with a code is none for who signed in with a code alone', async () => {
    const user = await account()
    const sent = await ask<{ challengeId: string }>('/auth/otp/start', {
      body: { purpose: 'sign-in', phoneNumber: user.username },
    })
    const { challengeId } = sent.body.data
    const signedIn = await ask<TokenResponse>('/auth/otp/verify', {
      body: { challengeId, code: await lastCodeTo(user.username) },
    })
    const token = signedIn.body.data.access_token
    expect((await start({ purpose: 'step-up', channel: 'sms' }, token)).status).toBe(401)
  })
})

describe('the first factor', () => {
  it('is set up only soon after a sign-in, or with a second factor (ASVS 7.5.1)', async () => {
    const user = await account()
    const later = { ...env, CLOCK_OFFSET_MS: String(16 * 60_000) }
    const { requireFreshSignIn } = await import('../../src/credentials/fresh-factor.ts')
    const { findUser } = await import('../../src/db/users.ts')
    const row = await findUser(env.DB, user.id)
    if (row === undefined) throw new Error('no account')
    const { sid, iat, exp } = claimsOf(user.token)
    const principal = {
      kind: 'user',
      id: user.id,
      username: user.username,
      sessionId: String(sid),
      clientId: env.CLIENT_ID,
      roles: ['user'],
      permissions: [],
      acr: '1',
      issuedAt: Number(iat) * 1000,
      expiresAt: Number(exp) * 1000,
    } as const
    const ask = (at: typeof env) =>
      requireFreshSignIn(at, { ...principal, roles: ['user'], permissions: [] }, row)
    await ask(env)
    await expect(ask(later)).rejects.toMatchObject({ code: 'step_up_required' })
  })
})

describe('a password or a code that is wrong within a session', () => {
  it('leaves exactly one audit event (S120)', async () => {
    const user = await account()
    const change = { currentPassword: 'not the password', newPassword: 'another good password' }
    await ask('/auth/password/change', { token: user.token, body: change })
    const { secret } = await withTotp(user)
    const token = await steppedUp(user, secret)
    const body = { password, code: codeAt(secret, 5) }
    const refused = await ask('/users/profile/mfa/totp', { method: 'DELETE', token, body })
    expect(refused.status).toBe(401)
    const audits = await auditsOf(user.id)
    expect(audits.filter((a) => a === 'password-check.failed')).toHaveLength(1)
    expect(audits.filter((a) => a === 'second-factor.failed')).toHaveLength(1)
  })
})

describe('strange text', () => {
  it.each([
    ['a NUL', 'a\u0000b'],
    ['a lone surrogate', 'a\ud800b'],
    ['a name that is no name', '\u202e\ufeff'],
  ])('never ends in a 500: %s', async (_, text) => {
    const user = await account(freshEmail(), 'admin')
    const { token } = user
    const answers = await Promise.all([
      ask('/auth/login', { body: { username: text, password: text } }),
      ask('/auth/login', { body: { username: user.username, password, deviceName: text } }),
      ask('/users/register', {
        body: { email: freshEmail(), password: `${text} long enough it is` },
      }),
      ask('/users/register', {
        body: { email: freshEmail(), password, displayName: text },
        headers: { 'idempotency-key': 'x' },
      }),
      ask(`/users/list?q=${encodeURIComponent(text.toWellFormed())}`, { token }),
      ask(`/users/list?q=${encodeURIComponent(text.toWellFormed())}&sort=username`, { token }),
      ask('/users/list?limit=1e9', { token }),
      ask('/users/list?q=%ff%00', { token }),
      ask('/users/profile', { method: 'PATCH', token, body: { displayName: text } }),
      ask('/users/profile/preferences', { method: 'PUT', token, body: { [text]: text } }),
      ask('/auth/mfa/verify', { body: { mfaToken: text.repeat(9), method: 'totp', code: text } }),
      ask('/auth/password/reset', { body: { token: text.repeat(9), password } }),
      ask('/auth/passkeys/login/verify', {
        body: { challengeId: text.repeat(9), credential: { id: text, response: {} } },
      }),
      ask('/auth/passkeys/login/options', { body: { username: text } }),
    ])
    for (const { status } of answers) expect(status).toBeLessThan(500)
  })

  it('with a NUL is no password: to bcrypt it would be a shorter one (S51)', async () => {
    const short = `a\u0000`.repeat(12)
    const answer = await ask('/users/register', { body: { email: freshEmail(), password: short } })
    expect([answer.status, answer.body.errors?.[0]?.code]).toEqual([422, 'invalid'])
  })
})

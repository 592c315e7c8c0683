import type { TotpSetup } from '@menagerie/contracts'
import { Secret, TOTP } from 'otpauth'
import { describe, expect, it } from 'vitest'
import { stepOfCode } from '../../src/credentials/totp.ts'
import { env, password } from '../support/accounts.ts'
import {
  account,
  ask,
  auditsOf,
  codeAt,
  dump,
  forgetLastStep,
  halfSignedIn,
  login,
  messagesTo,
  steppedUp,
  withTotp,
  wrong,
} from './support.ts'

const verify = (mfaToken: string, code: string, method = 'totp') =>
  ask('/auth/mfa/verify', { body: { mfaToken, method, code } })

describe('an authenticator app', () => {
  it.each([
    [59, '94287082'],
    [1_111_111_109, '07081804'],
    [1_111_111_111, '14050471'],
    [1_234_567_890, '89005924'],
    [2_000_000_000, '69279037'],
    [20_000_000_000, '65353130'],
  ])('shows at %i s what RFC 6238 appendix B says', async (seconds, expected) => {
    const secret = new Secret({ buffer: new TextEncoder().encode('12345678901234567890').buffer })
    const generated = new TOTP({ algorithm: 'SHA1', digits: 8, period: 30, secret }).generate({
      timestamp: seconds * 1000,
    })
    expect(generated).toBe(expected)
    // Six digits are the last six of the eight.
    expect(await stepOfCode(secret.base32, expected.slice(2), seconds * 1000)).toBe(
      Math.floor(seconds / 30),
    )
  })

  it('is set up with a code, and asked for at the next sign-in (RFC 6238)', async () => {
    const user = await account()
    const { secret, codes } = await withTotp(user)
    expect(codes).toHaveLength(10)
    const half = await halfSignedIn(user.username)
    expect([half.status, half.code]).toEqual([401, 'mfa_required'])
    expect(half.methods).toEqual(['totp', 'recovery_code'])
    const done = await verify(half.mfaToken, codeAt(secret))
    expect(done.status).toBe(200)
    const audits = await auditsOf(user.id)
    expect(audits.filter((action) => action === 'totp.enabled')).toHaveLength(1)
  })

  it('needs a good code to be turned on, and counts for nothing before (S57)', async () => {
    const user = await account()
    const setup = await ask<TotpSetup>('/users/profile/mfa/totp', {
      method: 'POST',
      token: user.token,
    })
    expect(setup.body.data.uri).toContain('otpauth://totp/')
    const refused = await ask('/users/profile/mfa/totp', {
      method: 'PUT',
      token: user.token,
      body: { code: wrong(codeAt(setup.body.data.secret)) },
    })
    expect([refused.status, refused.body.code]).toEqual([401, 'invalid_code'])
    expect((await login(user.username)).status).toBe(200)
  })

  it('needs password and code to be turned off, and both are told to the user (S57)', async () => {
    const user = await account()
    const { secret } = await withTotp(user)
    const disable = (body: object) =>
      ask('/users/profile/mfa/totp', { method: 'DELETE', token: user.token, body })
    const noPassword = await disable({ password: 'not the password', code: codeAt(secret) })
    expect([noPassword.status, noPassword.body.code]).toEqual([401, 'invalid_credentials'])
    const noCode = await disable({ password, code: wrong(codeAt(secret)) })
    expect([noCode.status, noCode.body.code]).toEqual([401, 'invalid_code'])
    expect((await disable({ password, code: codeAt(secret) })).status).toBe(204)
    expect((await login(user.username)).status).toBe(200)
    const told = (await messagesTo(user.username)).map(({ body }) => body).join('\n')
    expect(told).toContain('is now asked for')
    expect(told).toContain('was removed')
    const audits = await auditsOf(user.id)
    expect(audits.filter((action) => action === 'totp.disabled')).toHaveLength(1)
  })

  it('has its code taken once, within its window and in parallel (S53)', async () => {
    const user = await account()
    const { secret } = await withTotp(user)
    const code = codeAt(secret)
    const halves = await Promise.all(Array.from({ length: 4 }, () => halfSignedIn(user.username)))
    const answers = await Promise.all(halves.map(({ mfaToken }) => verify(mfaToken, code)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    const again = await halfSignedIn(user.username)
    expect((await verify(again.mfaToken, code)).status).toBe(401)
  })

  it('has codes of two steps away refused, and the one before taken (S54)', async () => {
    const user = await account()
    const { secret } = await withTotp(user)
    const { mfaToken } = await halfSignedIn(user.username)
    expect((await verify(mfaToken, codeAt(secret, -2))).status).toBe(401)
    expect((await verify(mfaToken, codeAt(secret, 2))).status).toBe(401)
    const now = 1_800_000_015_000
    const step = now / 1000 / 30
    const before = new TOTP({ secret }).generate({ timestamp: now - 30_000 })
    expect(await stepOfCode(secret, before, now)).toBe(Math.floor(step) - 1)
  })

  it('has at most five of a hundred parallel guesses looked at (S55)', async () => {
    const user = await account()
    const { secret } = await withTotp(user)
    const { mfaToken } = await halfSignedIn(user.username)
    const guesses = await Promise.all(
      Array.from({ length: 100 }, () => verify(mfaToken, wrong(codeAt(secret)))),
    )
    expect(new Set(guesses.map(({ status }) => status))).not.toContain(200)
    const failures = (await auditsOf(user.id)).filter((a) => a === 'second-factor.failed')
    expect(failures.length).toBeGreaterThan(0)
    expect(failures.length).toBeLessThanOrEqual(5)
  }, 60_000)

  it('kills the sign-in with the fifth wrong code, whatever the guard allows (S55)', async () => {
    const user = await account()
    const { secret } = await withTotp(user)
    const { mfaToken } = await halfSignedIn(user.username)
    await env.DB.prepare(
      `UPDATE challenges SET attempts = 4 WHERE user_id = ? AND kind = 'second-factor'`,
    )
      .bind(user.id)
      .run()
    expect((await verify(mfaToken, wrong(codeAt(secret)))).status).toBe(401)
    expect((await verify(mfaToken, codeAt(secret))).status).toBe(401)
  })

  it('has a secret that is shown once and kept sealed (S59)', async () => {
    const user = await account()
    const { secret } = await withTotp(user)
    expect(await dump()).not.toContain(secret)
    const profile = await ask('/users/profile', { token: user.token })
    expect(JSON.stringify(profile.body)).not.toContain(secret)
    const row = await env.DB.prepare('SELECT secret FROM totp WHERE user_id = ?')
      .bind(user.id)
      .first<{ secret: string }>()
    expect(row?.secret).toMatch(/^[\w-]{16}\.[\w-]+$/)
  })

  it('is replaced only with a fresh second factor', async () => {
    const user = await account()
    const { secret } = await withTotp(user)
    const setUp = (token: string) => ask('/users/profile/mfa/totp', { method: 'POST', token })
    const refused = await setUp(user.token)
    expect([refused.status, refused.body.code]).toEqual([403, 'step_up_required'])
    expect((await setUp(await steppedUp(user, secret))).status).toBe(201)
  })
})

describe('a token that waits for the second factor', () => {
  it('opens nothing else (S10, S56)', async () => {
    const user = await account()
    await withTotp(user)
    const { mfaToken } = await halfSignedIn(user.username)
    const answers = await Promise.all([
      ask('/users/profile', { token: mfaToken }),
      ask('/auth/step-up', { token: mfaToken, body: { method: 'totp', code: '123456' } }),
      ask('/auth/logout', { method: 'POST', token: mfaToken }),
      ask('/users/profile/mfa/totp', { method: 'POST', token: mfaToken }),
      ask('/users/profile/mfa/recovery-codes', { token: mfaToken }),
    ])
    expect(answers.map(({ status }) => status)).toEqual([401, 401, 401, 401, 401])
    const refresh = await ask('/auth/refresh', { body: { refresh_token: mfaToken } })
    expect([refresh.status, refresh.body.code]).toEqual([400, 'invalid_grant'])
  })

  it('is kept as a hash, works once, and dies with a change of password', async () => {
    const user = await account()
    const { secret } = await withTotp(user)
    const first = await halfSignedIn(user.username)
    expect(await dump()).not.toContain(first.mfaToken)
    expect((await verify(first.mfaToken, codeAt(secret))).status).toBe(200)
    await forgetLastStep(user.id)
    expect((await verify(first.mfaToken, codeAt(secret))).status).toBe(401)
    const second = await halfSignedIn(user.username)
    const token = await steppedUp(user, secret)
    const changed = await ask('/auth/password/change', {
      token,
      body: { currentPassword: password, newPassword: 'another battery, quite correct' },
    })
    expect(changed.status).toBe(204)
    expect((await verify(second.mfaToken, codeAt(secret))).status).toBe(401)
  })
})

describe('recovery codes', () => {
  it('work once under fifty at the same time, and a new set makes them void (S58)', async () => {
    const user = await account()
    const { secret, codes } = await withTotp(user)
    expect(codes[0]).toMatch(/^[a-z2-9]{4}(-[a-z2-9]{4}){3}$/)
    const all = await dump()
    for (const code of codes) {
      expect(all).not.toContain(code)
      expect(all).not.toContain(code.replaceAll('-', ''))
    }
    const [first = '', second = ''] = codes
    const { takeRecoveryCode } = await import('../../src/credentials/recovery-codes.ts')
    const { findUser } = await import('../../src/db/users.ts')
    const row = await findUser(env.DB, user.id)
    if (row === undefined) throw new Error('no such user')
    const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`
    const taken = await Promise.all(
      Array.from({ length: 50 }, () => takeRecoveryCode(env, row, first, traceparent)),
    )
    expect(taken.filter(Boolean)).toHaveLength(1)
    const audits = await auditsOf(user.id)
    expect(audits.filter((action) => action === 'recovery-code.used')).toHaveLength(1)

    const half = await halfSignedIn(user.username)
    expect((await verify(half.mfaToken, first, 'recovery_code')).status).toBe(401)
    expect((await verify(half.mfaToken, second.toUpperCase(), 'recovery_code')).status).toBe(200)

    const token = await steppedUp(user, secret)
    const made = await ask<{ codes: string[] }>('/users/profile/mfa/recovery-codes', {
      method: 'POST',
      token,
    })
    expect(made.status).toBe(201)
    const old = await halfSignedIn(user.username)
    expect((await verify(old.mfaToken, codes[2] ?? '', 'recovery_code')).status).toBe(401)
    const [fresh = ''] = made.body.data.codes
    expect((await verify(old.mfaToken, fresh, 'recovery_code')).status).toBe(200)
    const left = await ask<{ remaining: number }>('/users/profile/mfa/recovery-codes', { token })
    expect(left.body.data.remaining).toBe(9)
  }, 60_000)
})

import type { OtpStarted, TokenResponse } from '@menagerie/contracts'
import { describe, expect, it } from 'vitest'
import { claimsOf, env, seeded } from '../support/accounts.ts'
import {
  account,
  ask,
  auditsOf,
  codeAt,
  dump,
  freshAddress,
  freshEmail,
  freshNumber,
  halfSignedIn,
  idOf,
  lastCodeTo,
  login,
  messagesTo,
  steppedUp,
  withTotp,
  wrong,
} from './support.ts'

const start = (body: object, token?: string) => ask<OtpStarted>('/auth/otp/start', { body, token })
const signInWith = (challengeId: string, code: string) =>
  ask<TokenResponse>('/auth/otp/verify', { body: { challengeId, code } })

/** An account nobody has verified. */
async function pending(username = freshNumber()): Promise<string> {
  await seeded('user', username)
  await env.DB.prepare(
    `UPDATE users SET status = 'pending', phone_number_verified = 0, email_verified = 0 WHERE username = ?`,
  )
    .bind(username)
    .run()
  return username
}

const statusOf = (username: string) =>
  env.DB.prepare('SELECT status, phone_number_verified AS v FROM users WHERE username = ?')
    .bind(username)
    .first<{ status: string; v: number }>()

describe('a one-time code', () => {
  it('signs in who has a verified number, once', async () => {
    const { username } = await account()
    const { challengeId, channel } = (await start({ purpose: 'sign-in', phoneNumber: username }))
      .body.data
    expect(channel).toBe('sms')
    const code = await lastCodeTo(username)
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => signInWith(challengeId, code)),
    )
    const signedIn = answers.filter(({ status }) => status === 200)
    expect(signedIn).toHaveLength(1)
    expect(claimsOf(signedIn[0]?.body.data.access_token ?? '').acr).toBe('1')
  }, 60_000)

  it('is refused after five tries, and counted before each is looked at', async () => {
    const { username } = await account()
    const { challengeId } = (await start({ purpose: 'sign-in', phoneNumber: username })).body.data
    const code = await lastCodeTo(username)
    for (let i = 0; i < 5; i++) {
      await signInWith(challengeId, wrong(code))
      // The guard's own delay is not what is looked at here.
      const { unlock } = await import('../../src/guard/login-guard.ts')
      await unlock(env, await idOf(username))
    }
    const answer = await signInWith(challengeId, code)
    expect([answer.status, answer.body.code]).toEqual([401, 'invalid_code'])
  }, 60_000)

  it('is void when it is over, and when a new one was sent', async () => {
    const { username, id } = await account()
    const first = (await start({ purpose: 'sign-in', phoneNumber: username })).body.data
    const oldCode = await lastCodeTo(username)
    const second = (await start({ purpose: 'sign-in', phoneNumber: username })).body.data
    expect((await signInWith(first.challengeId, oldCode)).status).toBe(401)
    await env.DB.prepare('UPDATE challenges SET expires_at = ? WHERE user_id = ?')
      .bind(Date.now() - 1, id)
      .run()
    const answer = await signInWith(second.challengeId, await lastCodeTo(username))
    expect(answer.status).toBe(401)
  })

  it('is kept as a keyed hash, and sealed on its way (S25)', async () => {
    const { username } = await account()
    const started = (await start({ purpose: 'sign-in', phoneNumber: username })).body.data
    const code = await lastCodeTo(username)
    const rows = await env.DB.prepare('SELECT data FROM challenges').all<{ data: string }>()
    expect(rows.results.map(({ data }) => data).join()).not.toContain(`"${code}"`)
    const all = await dump()
    expect(all).not.toContain(`${code} is your code`)
    expect(all).not.toContain(started.challengeId)
  })

  it('is answered alike for known, unknown, unverified and disabled names (S46)', async () => {
    const known = (await account()).username
    const unverified = await pending()
    const disabled = (await account()).username
    await env.DB.prepare(`UPDATE users SET status = 'disabled' WHERE username = ?`)
      .bind(disabled)
      .run()
    const numbers = [known, freshNumber(), unverified, disabled]
    for (const purpose of ['sign-in', 'verify']) {
      const answers = await Promise.all(
        numbers.map((phoneNumber) => start({ purpose, phoneNumber })),
      )
      expect(answers.map(({ status }) => status)).toEqual([202, 202, 202, 202])
      const shapes = answers.map(({ body }) => ({
        keys: Object.keys(body.data).sort().join(),
        length: body.data.challengeId.length,
        channel: body.data.channel,
      }))
      expect(new Set(shapes.map((shape) => JSON.stringify(shape))).size).toBe(1)
    }
    const sent = await Promise.all(numbers.map(async (to) => (await messagesTo(to)).length))
    // Each got what it may: the verified one a sign-in, the unverified one a verification.
    expect(sent).toEqual([1, 0, 1, 0])
  })

  it('that was sent to verify a number signs nobody in', async () => {
    const username = await pending()
    const started = (await start({ purpose: 'verify', phoneNumber: username })).body.data
    const code = await lastCodeTo(username)
    for (const name of [started.challengeId, `sms:${username}`])
      expect((await signInWith(name, code)).status).toBe(401)
  })

  it('has a budget for each number, whoever asks from wherever', async () => {
    const phoneNumber = freshNumber()
    const answers: number[] = []
    for (let i = 0; i < 8; i++) {
      const answer = await ask('/auth/otp/start', {
        body: { purpose: 'verify', phoneNumber },
        headers: { 'cf-connecting-ip': freshAddress() },
      })
      answers.push(answer.status)
    }
    expect(answers.filter((status) => status === 202)).toHaveLength(5)
    expect(answers.at(-1)).toBe(429)
  })

  it('leads to the second factor where one is set up, and another code is none', async () => {
    const user = await account()
    const { secret } = await withTotp(user)
    const { challengeId } = (await start({ purpose: 'sign-in', phoneNumber: user.username })).body
      .data
    const half = await signInWith(challengeId, await lastCodeTo(user.username))
    expect([half.status, half.body.code]).toEqual([401, 'mfa_required'])
    const { mfaToken, methods } = half.body as unknown as { mfaToken: string; methods: string[] }
    expect(methods).toEqual(['totp', 'recovery_code'])
    const refused = await start({ purpose: 'second-factor', mfaToken, channel: 'sms' })
    expect(refused.status).toBe(401)
    const body = { mfaToken, method: 'totp', code: codeAt(secret) }
    expect((await ask('/auth/mfa/verify', { body })).status).toBe(200)
  })

  it('is no second factor beside an app: who reads the messages could set a new password too', async () => {
    const user = await account()
    const stepUp = await start({ purpose: 'step-up', channel: 'sms' }, user.token)
    expect(stepUp.status).toBe(202)
    const { secret } = await withTotp(user)
    const { mfaToken, methods } = await halfSignedIn(user.username)
    expect(methods).toEqual(['totp', 'recovery_code'])
    const refused = await start({ purpose: 'second-factor', mfaToken, channel: 'sms' })
    expect(refused.status).toBe(401)
    const code = await lastCodeTo(user.username)
    const body = { mfaToken, method: 'sms', code }
    expect((await ask('/auth/mfa/verify', { body })).status).toBe(401)
    expect(secret).toMatch(/^[A-Z2-7]+$/)
  })

  it('steps a session up, and no other session', async () => {
    const user = await account()
    const other = (await login(user.username)).body.data.access_token
    expect((await start({ purpose: 'step-up', channel: 'sms' })).status).toBe(401)
    await start({ purpose: 'step-up', channel: 'sms' }, user.token)
    const body = { method: 'sms', code: await lastCodeTo(user.username) }
    expect((await ask('/auth/step-up', { token: other, body })).status).toBe(401)
    const done = await ask<{ access_token: string; step_up_expires_in: number }>('/auth/step-up', {
      token: user.token,
      body,
    })
    expect(done.body.data.step_up_expires_in).toBe(300)
    const [before, after] = [user.token, done.body.data.access_token].map(claimsOf)
    expect([before?.acr, after?.acr]).toEqual(['1', '2'])
    expect(after?.sid).toBe(before?.sid)
  })
})

describe('a number or an address', () => {
  it('is verified by its code, which makes the account active', async () => {
    const username = await pending()
    await start({ purpose: 'verify', phoneNumber: username })
    const code = await lastCodeTo(username)
    const verify = (given: string) =>
      ask('/auth/phone/verify', { body: { phoneNumber: username, code: given } })
    expect((await verify(wrong(code))).status).toBe(401)
    expect((await verify(code)).status).toBe(204)
    expect(await statusOf(username)).toEqual({ status: 'active', v: 1 })
    expect((await verify(code)).status).toBe(401)
    const audits = await auditsOf(await idOf(username))
    expect(audits.filter((action) => action === 'account.verified')).toHaveLength(1)
  })

  it('is changed with a code to the new one, after a fresh second factor; the old one is told', async () => {
    const user = await account()
    const email = freshEmail()
    const refused = await start({ purpose: 'change', email }, user.token)
    expect([refused.status, refused.body.code]).toEqual([403, 'step_up_required'])
    await start({ purpose: 'step-up', channel: 'sms' }, user.token)
    const stepUp = { method: 'sms', code: await lastCodeTo(user.username) }
    const { access_token: token } = (
      await ask<TokenResponse>('/auth/step-up', { token: user.token, body: stepUp })
    ).body.data

    const number = freshNumber()
    expect((await start({ purpose: 'change', phoneNumber: number }, token)).status).toBe(202)
    const code = await lastCodeTo(number)
    const body = { phoneNumber: number, code }
    // Without the token it is nobody's.
    expect((await ask('/auth/phone/verify', { body })).status).toBe(401)
    expect((await ask('/auth/phone/verify', { token, body })).status).toBe(204)
    const row = await env.DB.prepare('SELECT username, phone_number FROM users WHERE id = ?')
      .bind(user.id)
      .first()
    expect(row).toEqual({ username: number, phone_number: number })
    expect((await messagesTo(user.username)).at(-1)?.body).toContain('was changed')
    expect((await login(number)).status).toBe(200)
    expect((await login(user.username)).status).toBe(401)
  })

  it('that is taken is answered alike, and nothing is sent or changed (S46)', async () => {
    const taken = (await account()).username
    const user = await account()
    const { secret } = await withTotp(user)
    const token = await steppedUp(user, secret)
    const before = (await messagesTo(taken)).length
    const [one, two] = await Promise.all([
      start({ purpose: 'change', phoneNumber: taken }, token),
      start({ purpose: 'change', phoneNumber: freshNumber() }, token),
    ])
    expect([one.status, two.status]).toEqual([202, 202])
    expect((await messagesTo(taken)).length).toBe(before)
    const body = { phoneNumber: taken, code: '123456' }
    const verified = await ask('/auth/phone/verify', { token, body })
    expect([verified.status, verified.body.code]).toEqual([401, 'invalid_code'])
  })

  it('that is taken while the code travels is not set', async () => {
    const user = await account()
    const { secret } = await withTotp(user)
    const token = await steppedUp(user, secret)
    const number = freshNumber()
    await start({ purpose: 'change', phoneNumber: number }, token)
    const code = await lastCodeTo(number)
    await seeded('user', number)
    const body = { phoneNumber: number, code }
    const answer = await ask('/auth/phone/verify', { token, body })
    expect([answer.status, answer.body.code]).toEqual([401, 'invalid_code'])
    expect(await idOf(number)).not.toBe(user.id)
  })
})

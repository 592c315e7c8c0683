import type { TokenResponse } from '@menagerie/contracts'
import { AppError } from '@menagerie/core'
import { describe, expect, it, vi } from 'vitest'
import { secondFactorOf } from '../../src/credentials/factors.ts'
import { assertPasswordAllowed } from '../../src/credentials/passwords/policy.ts'
import { findUser } from '../../src/db/users.ts'
import { env, password } from '../support/accounts.ts'
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
  login,
  messagesTo,
  steppedUp,
  withTotp,
} from './support.ts'

const newPassword = 'a staple for every horse'

const refusal = async (
  candidate: string,
  { hasSecondFactor = false, user = {} } = {},
): Promise<string | undefined> => {
  try {
    await assertPasswordAllowed(env, { password: candidate, user, hasSecondFactor })
    return undefined
  } catch (error) {
    return error instanceof AppError ? error.options.errors?.[0]?.code : 'threw'
  }
}

describe('a new password', () => {
  it.each<[string, string, boolean]>([
    ['14 characters', 'fourteen chars', false],
    ['7 characters beside a second factor', 'seven c', true],
  ])('of %s is too short (S50)', async (_what, candidate, hasSecondFactor) => {
    expect(await refusal(candidate, { hasSecondFactor })).toBe('too_short')
  })

  it.each([
    'password',
    'Passw0rd',
    'P@ssw0rd!',
    'iloveyou',
    'sunshine1234',
    '123456789',
    'qwertyuiop',
  ])(
    'that everybody tries first is refused beside a second factor: %s (S50)',
    async (candidate) => {
      expect(await refusal(candidate, { hasSecondFactor: true })).toBe('common')
    },
  )

  it.each([
    '123456789987654321',
    '1qaz2wsx3edc4rfv',
    'passwordpassword',
    'Password12345678',
    'aaaaaaaaaaaaaaaaa',
    'abcdefghijklmnopq',
    'abcabcabcabcabcabc',
  ])('that is long and common is refused: %s (S50)', async (candidate) => {
    expect(await refusal(candidate)).toBe('common')
  })

  it('with the name of the service, or its owner, is refused (S50)', async () => {
    expect(await refusal('my Menagerie battery')).toBe('contains_service_name')
    const user = {
      username: 'ada@example.com',
      phoneNumber: '+12025550142',
      displayName: 'Ada Lovelace',
    }
    expect(await refusal('lovelace battery horse', { user })).toBe('contains_own_name')
    expect(await refusal('battery 12025550142', { user })).toBe('contains_own_name')
    // Three letters are in too many words.
    expect(await refusal('a radar for horses', { user })).toBeUndefined()
  })

  it.each([
    ['spaces', 'correct horse battery'],
    ['emoji', '🐎🔋📎🧲🧵🧶🪡🧷🧹🧺🧻🧼🧽🧯🛒'],
    ['64 characters', 'x7-q0 '.repeat(10).concat('tail')],
    ['72 bytes', 'é9ü'.repeat(14).concat('é')],
  ])('of %s is taken (S50)', async (_what, candidate) => {
    expect(await refusal(candidate)).toBeUndefined()
  })

  it('is never cut: two that share 72 bytes are refused, not taken for one (S51)', async () => {
    const shared = 'nine horses and a battery, '.repeat(3).slice(0, 72)
    expect(await refusal(shared)).toBeUndefined()
    expect(await refusal(`${shared}a`)).toBe('too_long')
    const user = await account()
    const change = (to: string, from: string) =>
      ask('/auth/password/change', {
        token: user.token,
        body: { currentPassword: from, newPassword: to },
      })
    expect((await change(`${shared}a`, password)).status).toBe(422)
    expect((await change(shared, password)).status).toBe(204)
    expect((await login(user.username, `${shared}b`)).status).toBe(401)
    expect((await login(user.username, shared)).status).toBe(200)
  })

  it('of a megabyte is refused in no time (S50)', async () => {
    const huge = 'x'.repeat(1_000_000)
    const started = performance.now()
    const answers = await Promise.all([
      ask('/auth/login', { body: { username: freshNumber(), password: huge } }),
      ask('/users/register', { body: { phoneNumber: freshNumber(), password: huge } }),
      ask('/auth/password/reset', { body: { token: 'x'.repeat(43), password: huge } }),
    ])
    expect(answers.map(({ status }) => status)).toEqual([422, 422, 422])
    expect(performance.now() - started).toBeLessThan(1_000)
  })
})

const forgot = (body: object, headers: Record<string, string> = {}) =>
  ask<{ expiresAt: string }>('/auth/password/forgot', { body, headers })
const reset = (token: string, to = newPassword) =>
  ask('/auth/password/reset', { body: { token, password: to } })
const links = async (to: string): Promise<string[]> =>
  (await messagesTo(to))
    .filter(({ category }) => category === 'password-reset')
    .map(({ body }) => /https?:\S+/.exec(body)?.[0] ?? '')
const tokenOf = (link = '') => link.split('#token=')[1] ?? ''

describe('a forgotten password', () => {
  it('is set anew with a link that works once; every session ends, the user is told (S52)', async () => {
    const user = await account()
    const refresh = (await login(user.username)).body.data.refresh_token
    expect((await forgot({ phoneNumber: user.username })).status).toBe(202)
    const token = tokenOf((await links(user.username))[0])
    expect(await dump()).not.toContain(token)
    const answers = await Promise.all(Array.from({ length: 5 }, () => reset(token)))
    expect(answers.map(({ status }) => status).sort()).toEqual([204, 401, 401, 401, 401])
    expect((await login(user.username)).status).toBe(401)
    expect((await login(user.username, newPassword)).status).toBe(200)
    const refreshed = await ask('/auth/refresh', { body: { refresh_token: refresh } })
    expect(refreshed.body.code).toBe('invalid_grant')
    expect((await messagesTo(user.username)).at(-1)?.body).toContain('set anew')
    const audits = await auditsOf(user.id)
    for (const action of ['password.reset-requested', 'password.reset'])
      expect(audits.filter((one) => one === action)).toHaveLength(1)
  })

  it('has its link at our own address with the token in the fragment, whatever Host says (S52)', async () => {
    const user = await account(freshEmail())
    await forgot(
      { email: user.username },
      { host: 'evil.example', 'x-forwarded-host': 'evil.example', forwarded: 'host=evil.example' },
    )
    const [link = ''] = await links(user.username)
    expect(link).toMatch(
      /^http:\/\/localhost:8787\/auth\/realms\/menagerie\/password-reset#token=[\w-]{43}$/,
    )
  })

  it('has a link that is void after 15 minutes, after a change, and after the next link (S52)', async () => {
    const user = await account()
    const answer = await forgot({ username: user.username })
    const life = Date.parse(answer.body.data.expiresAt) - Date.now()
    expect(life).toBeLessThanOrEqual(15 * 60_000)
    await forgot({ username: user.username })
    const [first, second] = await links(user.username)
    expect((await reset(tokenOf(first))).status).toBe(401)
    const changed = await ask('/auth/password/change', {
      token: user.token,
      body: { currentPassword: password, newPassword },
    })
    expect(changed.status).toBe(204)
    expect((await reset(tokenOf(second))).status).toBe(401)
    await forgot({ username: user.username })
    await env.DB.prepare(`UPDATE challenges SET expires_at = ? WHERE user_id = ?`)
      .bind(Date.now() - 1, user.id)
      .run()
    expect((await reset(tokenOf((await links(user.username)).at(-1)))).status).toBe(401)
  })

  it('keeps its link when the new password is refused', async () => {
    const user = await account()
    await forgot({ username: user.username })
    const token = tokenOf((await links(user.username))[0])
    const refused = await reset(token, 'passwordpassword')
    expect([refused.status, refused.body.errors?.[0]?.pointer]).toEqual([422, '/password'])
    expect((await reset(token)).status).toBe(204)
  })

  it('is answered alike for a name nobody has, and one nobody verified, whose link goes to it (S46)', async () => {
    const known = await account()
    const unverified = await account()
    await env.DB.prepare('UPDATE users SET phone_number_verified = 0 WHERE id = ?')
      .bind(unverified.id)
      .run()
    const unknown = freshNumber()
    const answers = await Promise.all(
      [known.username, unverified.username, unknown].map((username) => forgot({ username })),
    )
    expect(answers.map(({ status }) => status)).toEqual([202, 202, 202])
    expect(new Set(answers.map(({ body }) => Object.keys(body.data).join())).size).toBe(1)
    expect(await links(unverified.username)).toHaveLength(1)
    expect(await links(unknown)).toEqual([])
  })
})

describe('a change of password', () => {
  it('ends every other session and keeps this one (S17)', async () => {
    const user = await account()
    const other = (await login(user.username)).body.data
    const changed = await ask('/auth/password/change', {
      token: user.token,
      body: { currentPassword: password, newPassword },
    })
    expect(changed.status).toBe(204)
    const gone = await ask('/auth/refresh', { body: { refresh_token: other.refresh_token } })
    expect(gone.body.code).toBe('invalid_grant')
    const { sid } = await env.USER_SESSIONS.getByName(user.id)
      .list()
      .then(([session]) => ({ sid: session?.sid }))
    expect(sid).toBeDefined()
    expect((await messagesTo(user.username)).at(-1)?.body).toContain('was changed')
    expect((await auditsOf(user.id)).filter((a) => a === 'password.changed')).toHaveLength(1)
  })

  it('asks for the old password, and for a fresh second factor where one is set up', async () => {
    const user = await account()
    const change = (token: string, currentPassword = password) =>
      ask('/auth/password/change', { token, body: { currentPassword, newPassword } })
    const wrong = await change(user.token, 'not the password')
    expect([wrong.status, wrong.body.code]).toEqual([401, 'invalid_credentials'])
    const { secret } = await withTotp(user)
    expect((await change(user.token)).body.code).toBe('step_up_required')
    const token = await steppedUp(user, secret)
    expect((await change(token)).status).toBe(204)
  })
})

describe('unknown users and wrong passwords', () => {
  const statement = env.DB.prepare(
    `SELECT count(*) AS n FROM outbox WHERE json_extract(body, '$.traceparent') LIKE ?`,
  )

  it('get the same body, and make the same work (S45, ASVS 6.3.8)', async () => {
    const { username } = await account()
    const traces = ['a', 'b'].map((char) => crypto.randomUUID().replaceAll('-', '').slice(1) + char)
    const answers = await Promise.all(
      [username, freshNumber()].map((name, i) =>
        ask('/auth/login', {
          body: { username: name, password: 'not the password' },
          headers: { traceparent: `00-${traces[i]}-${'b'.repeat(16)}-01` },
        }),
      ),
    )
    const shown = answers.map(({ status, body, headers }) => [
      status,
      { ...body, requestId: '' },
      [...headers.keys()].sort(),
    ])
    expect(shown[0]).toEqual(shown[1])
    const kept = await Promise.all(
      traces.map((trace) => statement.bind(`%${trace}%`).first<{ n: number }>()),
    )
    expect(kept[0]?.n).toBeGreaterThan(0)
    expect(kept[0]?.n).toBe(kept[1]?.n)
  })

  it('take the same time: medians of interleaved tries (S45)', async () => {
    const address = freshAddress()
    const known = await Promise.all(
      Array.from({ length: 8 }, async () => (await account()).username),
    )
    const unknown = known.map(() => freshNumber())
    const times: Record<'known' | 'unknown', number[]> = { known: [], unknown: [] }
    // What one try leaves to be sent must not fall on the next.
    const settled = () =>
      vi.waitFor(async () => {
        const sql = `SELECT count(*) AS n FROM outbox WHERE state = 'pending'`
        expect(await env.DB.prepare(sql).first('n')).toBe(0)
      })
    const time = async (kind: 'known' | 'unknown', username: string) => {
      await settled()
      const started = performance.now()
      await ask('/auth/login', {
        body: { username, password: 'not the password' },
        headers: { 'cf-connecting-ip': address },
      })
      times[kind].push(performance.now() - started)
    }
    // Four tries each: the guard makes nobody wait before the fifth. The first finds no guard for a name nobody has.
    for (let round = 0; round < 4; round++)
      for (const [i, name] of known.entries()) {
        const tries = [['known', name] as const, ['unknown', unknown[i] ?? ''] as const]
        if (i % 2 === 0) tries.reverse()
        for (const [kind, username] of tries) await time(kind, username)
      }
    const median = (values: number[]) =>
      values.slice(known.length).toSorted((a, b) => a - b)[Math.floor(values.length * 0.375)] ?? 0
    const ratio = median(times.known) / median(times.unknown)
    expect(ratio).toBeGreaterThan(0.67)
    expect(ratio).toBeLessThan(1.5)
  }, 60_000)

  it('leave exactly one audit event each (S120)', async () => {
    const { username, id } = await account()
    await login(username, 'not the password')
    expect((await auditsOf(id)).filter((action) => action === 'sign-in.failed')).toHaveLength(1)
  })
})

describe('a sign-in', () => {
  it('of an administrator needs a second factor where the setting says so', async () => {
    const strict = { ...env, REQUIRE_ADMIN_SECOND_FACTOR: 'true' as const }
    const nothing = { totp: false, passkeys: 0, recoveryCodes: 0 }
    const asked = async (role: string, shown: 'pwd' | 'sms') => {
      const user = await findUser(env.DB, (await account(freshNumber(), role)).id)
      if (user === undefined) throw new Error('no such user')
      return [
        secondFactorOf(strict, user, nothing, shown),
        secondFactorOf(env, user, nothing, shown),
      ]
    }
    expect(await asked('admin', 'pwd')).toEqual([['sms'], undefined])
    // A code is no second kind of factor after a code.
    expect(await asked('admin', 'sms')).toEqual([[], undefined])
    expect(await asked('agent', 'pwd')).toEqual([undefined, undefined])
  })

  it('of a user with a second factor only for critical actions asks for none', async () => {
    const user = await account()
    const { secret } = await withTotp(user)
    await env.DB.prepare('UPDATE users SET second_factor_at_sign_in = 0 WHERE id = ?')
      .bind(user.id)
      .run()
    const answer = await login(user.username)
    expect(answer.status).toBe(200)
    const token = (answer.body.data as TokenResponse).access_token
    expect(await steppedUp({ id: user.id, token }, secret)).toContain('.')
  })

  it('keeps the name of the device while the second factor is shown', async () => {
    const user = await account()
    const { secret } = await withTotp(user)
    const half = await ask('/auth/login', {
      body: { username: user.username, password, deviceName: 'the kitchen tablet' },
    })
    const { mfaToken } = half.body as unknown as { mfaToken: string }
    await ask('/auth/mfa/verify', { body: { mfaToken, method: 'totp', code: codeAt(secret) } })
    const sessions = await env.USER_SESSIONS.getByName(user.id).list()
    expect(sessions.map(({ name }) => name)).toContain('the kitchen tablet')
  })

  it('is told the methods, but no more than that, before the second factor', async () => {
    const user = await account()
    await withTotp(user)
    const half = await halfSignedIn(user.username)
    expect(half.mfaToken).toMatch(/^[\w-]{43}$/)
    expect(half.methods).not.toContain('email')
  })
})

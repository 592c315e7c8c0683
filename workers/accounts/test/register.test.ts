import type { Profile, Registration } from '@menagerie/contracts'
import { newId } from '@menagerie/core'
import { describe, expect, it } from 'vitest'
import { call, env, freshPhone, password, seeded, signedIn } from './support/accounts.ts'

const register = (body: object, key?: string) =>
  call<Registration>('/users/register', {
    body: { password, ...body },
    ...(key === undefined ? {} : { headers: { 'idempotency-key': key } }),
  })

const count = async (sql: string, ...params: string[]): Promise<number> =>
  (
    await env.DB.prepare(`SELECT count(*) AS n FROM ${sql}`)
      .bind(...params)
      .first<{ n: number }>()
  )?.n ?? 0

describe('registering', () => {
  it('makes an account that may sign in and waits for verification (contract §2)', async () => {
    const phoneNumber = freshPhone()
    const answer = await register({ phoneNumber, displayName: 'Ada', timeZone: 'Europe/London' })
    expect(answer.status).toBe(201)
    expect(answer.body.data).toEqual({
      id: expect.any(String),
      status: 'pending',
      verification: { channel: 'sms', expiresAt: expect.stringMatching(/Z$/) },
    })
    const { access_token } = await signedIn(phoneNumber)
    const profile = await call<Profile>('/users/profile', { token: access_token })
    expect(profile.body.data).toMatchObject({
      id: answer.body.data.id,
      username: phoneNumber,
      phoneNumber,
      phoneNumberVerified: false,
      email: null,
      displayName: 'Ada',
      roles: ['user'],
      timeZone: 'Europe/London',
      mfa: { enabled: false, methods: [] },
    })
  })

  it('keeps user.registered.v1 for its queues with the account', async () => {
    const answer = await register({ email: 'Grace@Example.com' })
    const { results } = await env.DB.prepare(
      `SELECT destination, body FROM outbox WHERE json_extract(body, '$.data.userId') = ?
       ORDER BY destination`,
    )
      .bind(answer.body.data.id)
      .all<{ destination: string; body: string }>()
    expect(results.map(({ destination }) => destination)).toEqual(['history', 'rules'])
    expect(JSON.parse(results[0]?.body ?? '')).toMatchObject({
      type: 'user.registered.v1',
      data: { channel: 'email' },
    })
    expect(await count('users WHERE email = ?', 'grace@example.com')).toBe(1)
  })

  it('answers a taken name with the same shape, changes nothing and tells the owner (S46)', async () => {
    const phoneNumber = freshPhone()
    const owner = (await register({ phoneNumber })).body.data
    const again = await register({ phoneNumber, password: 'another password' })
    expect(again.status).toBe(201)
    expect(Object.keys(again.body.data)).toEqual(Object.keys(owner))
    expect(again.body.data.id).not.toBe(owner.id)
    expect(await count('users WHERE id = ?', again.body.data.id)).toBe(0)
    await signedIn(phoneNumber)
    const notice = await env.DB.prepare(
      `SELECT body FROM outbox WHERE destination = 'rules'
         AND json_extract(body, '$.data.reason') = 'registered_again'
         AND json_extract(body, '$.data.userId') = ?`,
    )
      .bind(owner.id)
      .first<{ body: string }>()
    expect(JSON.parse(notice?.body ?? '')).toMatchObject({ subject: `/users/${owner.id}` })
  })

  it('makes one account of fifty parallel requests under one key (G10)', async () => {
    const phoneNumber = freshPhone()
    const key = newId()
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => register({ phoneNumber }, key)),
    )
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]))
    expect(new Set(answers.map(({ body }) => JSON.stringify(body))).size).toBe(1)
    const replayed = answers.filter(({ headers }) => headers.get('idempotent-replayed') === 'true')
    expect(replayed).toHaveLength(49)
    const id = answers[0]?.body.data.id ?? ''
    expect(await count('users WHERE phone_number = ?', phoneNumber)).toBe(1)
    expect(await count(`outbox WHERE json_extract(body, '$.data.userId') = ?`, id)).toBe(2)
  })

  it('refuses a key that was used for another body', async () => {
    const key = newId()
    await register({ phoneNumber: freshPhone() }, key)
    const phoneNumber = freshPhone()
    const other = await register({ phoneNumber }, key)
    expect([other.status, other.body.code]).toEqual([422, 'idempotency_mismatch'])
    expect(await count('users WHERE phone_number = ?', phoneNumber)).toBe(0)
  })

  it('forgets a key after a day', async () => {
    const key = newId()
    await register({ phoneNumber: freshPhone() }, key)
    await env.DB.prepare('UPDATE idempotency_keys SET expires_at = ?').bind(Date.now()).run()
    const later = await register({ phoneNumber: freshPhone() }, key)
    expect([later.status, later.headers.get('idempotent-replayed')]).toEqual([201, null])
  })

  it.each([
    [{ phoneNumber: '+12025550999', email: 'a@b.example' }, ''],
    [{}, ''],
    [{ phoneNumber: '12025550999' }, '/phoneNumber'],
    [{ phoneNumber: '+9999999' }, '/phoneNumber'],
    [{ email: 'x' }, '/email'],
    [{ email: 'a@b.example', password: 'short' }, '/password'],
    [{ email: 'a@b.example', password: 'ä'.repeat(37) }, '/password'],
    [{ email: 'a@b.example', timeZone: 'Moon/Sea' }, '/timeZone'],
    [{ email: 'a@b.example', roles: ['admin'] }, '/roles'],
    [{ email: 'a@b.example', invitationToken: 'made-up' }, '/invitationToken'],
  ])('refuses %j', async (body, pointer) => {
    const answer = await register(body)
    expect([answer.status, answer.body.code]).toEqual([422, 'validation_failed'])
    expect(answer.body.errors?.map((error) => error.pointer)).toContain(pointer)
    expect(await count(`users WHERE email = 'a@b.example'`)).toBe(0)
  })
})

describe('what is kept', () => {
  it('has no password and no refresh token in clear anywhere in D1', async () => {
    const phoneNumber = freshPhone()
    const secret = 'a password worth looking for'
    await register({ phoneNumber, password: secret }, newId())
    await register({ phoneNumber, password: secret }, newId())
    const login = await call<{ refresh_token: string; access_token: string }>('/auth/login', {
      body: { phoneNumber, password: secret },
    })
    await call('/auth/login', { body: { phoneNumber, password: `${secret}!` } })
    await seeded('user')
    const tables = await env.DB.prepare(
      `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '_cf%'`,
    ).all<{ name: string }>()
    const dump: string[] = []
    for (const { name } of tables.results)
      dump.push(JSON.stringify((await env.DB.prepare(`SELECT * FROM "${name}"`).all()).results))
    const text = dump.join('\n')
    expect(text).toContain(phoneNumber)
    expect(text).not.toContain(secret)
    expect(text).not.toContain(login.body.data.refresh_token.split('.')[2])
    expect(text).not.toMatch(/"d\\?":/)
  })
})

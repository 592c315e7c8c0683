import type { Profile, UserDetail } from '@menagerie/contracts'
import { newId } from '@menagerie/core'
import { beforeAll, describe, expect, it } from 'vitest'
import { call, env, freshPhone } from '../support/accounts.ts'
import { audited, customRole, freshEmail, isGood, login, type Person, person } from './support.ts'

let admin: Person
let supervisor: Person
/** Manages users, and is no administrator. */
let manager: Person
beforeAll(async () => {
  admin = await person('admin')
  supervisor = await person('supervisor')
  manager = await person('user', await customRole(admin, 'users:read', 'users:write'))
})

const change = (by: Person, path: string, body?: unknown, method = 'POST') =>
  call<UserDetail>(path, { token: by.token, method, ...(body === undefined ? {} : { body }) })

describe('an account by its id', () => {
  it('is shown with permissions, factors and sessions', async () => {
    const agent = await person('agent')
    const answer = await change(supervisor, `/users/${agent.id}`, undefined, 'GET')
    expect(answer.status).toBe(200)
    expect(answer.body.data).toMatchObject({
      id: agent.id,
      status: 'active',
      roles: ['agent'],
      mfa: { enabled: false, methods: [] },
      sessions: 1,
    })
    expect(answer.body.data.permissions).toContain('calls:write')
    expect(JSON.stringify(answer.body)).not.toContain('$2b$')
  })

  it('is changed: a new address counts as verified, the name follows, and it is told once', async () => {
    const user = await person('user')
    const email = freshEmail()
    const answer = await change(
      manager,
      `/users/${user.id}`,
      { displayName: 'Zoë Ångström', email: email.toUpperCase(), phoneNumber: freshPhone() },
      'PATCH',
    )
    expect(answer.status).toBe(200)
    expect(answer.body.data).toMatchObject({ username: email, email, emailVerified: true })
    const found = await call<UserDetail[]>('/users/list?q=angstr', { token: admin.token })
    expect(found.body.data.map(({ id }) => id)).toContain(user.id)
    expect(await audited(user.id)).toEqual([
      expect.objectContaining({
        action: 'account.updated',
        actor: { kind: 'user', id: manager.id },
        detail: { fields: ['displayName', 'email', 'phoneNumber'] },
      }),
    ])
  })

  it('keeps its number or address where another account has it, or nothing would be left', async () => {
    const [user, other] = [await person('user'), await person('user')]
    const path = `/users/${user.id}`
    const taken = await change(admin, path, { email: other.username }, 'PATCH')
    expect([taken.status, taken.body.code]).toEqual([409, 'conflict'])
    expect((await change(admin, path, { email: null }, 'PATCH')).status).toBe(422)
    expect((await change(admin, path, { phoneNumber: '+9999999' }, 'PATCH')).status).toBe(422)
    expect(await audited(user.id)).toEqual([])
    expect((await login(user.username)).status).toBe(200)
  })

  it('ends its sessions when it is disabled, and signs in again when it is enabled', async () => {
    const user = await person('user')
    for (let time = 0; time < 2; time++) {
      const disabled = await change(admin, `/users/${user.id}/disable`)
      expect([disabled.status, disabled.body.data.status]).toEqual([200, 'disabled'])
      expect(disabled.body.data.sessions).toBe(0)
    }
    expect(await isGood(user.token)).toBe(false)
    expect((await login(user.username)).status).toBe(401)
    for (let time = 0; time < 2; time++) {
      const enabled = await change(admin, `/users/${user.id}/enable`)
      expect([enabled.status, enabled.body.data.status]).toEqual([200, 'active'])
    }
    expect((await login(user.username)).status).toBe(200)
    const actions = (await audited(user.id)).map(({ action }) => action)
    expect(actions.filter((action) => action !== 'sign-in.failed')).toEqual([
      'account.disabled',
      'account.enabled',
    ])
    const left = await env.DB.prepare('SELECT * FROM session_work WHERE user_id = ?')
      .bind(user.id)
      .all()
    expect(left.results).toEqual([])
  })

  it('is unlocked, which is told', async () => {
    const user = await person('user')
    expect((await change(manager, `/users/${user.id}/unlock`)).status).toBe(200)
    expect((await audited(user.id)).map(({ action }) => action)).toEqual(['account.unlocked'])
  })

  it('is out of reach of who may do less, whatever their permission says', async () => {
    const path = `/users/${admin.id}`
    const answers = [
      await change(manager, `${path}/disable`),
      await change(manager, `${path}/enable`),
      await change(manager, `${path}/unlock`),
      await change(manager, path, { email: freshEmail() }, 'PATCH'),
      await change(manager, path, undefined, 'DELETE'),
    ]
    expect(answers.map(({ status, body }) => [status, body.code])).toEqual(
      answers.map(() => [403, 'forbidden']),
    )
    expect(await audited(admin.id)).toEqual([])
  })

  it('cannot be the last administrator and go', async () => {
    const others = await env.DB.prepare(
      `UPDATE users SET status = 'disabled' WHERE id <> ? AND status <> 'disabled'
         AND EXISTS (SELECT 1 FROM json_each(roles) WHERE value = 'admin') RETURNING id`,
    )
      .bind(admin.id)
      .all<{ id: string }>()
    const path = `/users/${admin.id}`
    const answers = [
      await change(admin, `${path}/disable`),
      await change(admin, path, undefined, 'DELETE'),
      await change(admin, `${path}/roles`, { roles: ['user'] }, 'PUT'),
    ]
    expect(answers.map(({ status, body }) => [status, body.code])).toEqual(
      answers.map(() => [409, 'conflict']),
    )
    expect(await audited(admin.id)).toEqual([])
    await env.DB.prepare(
      `UPDATE users SET status = 'active' WHERE id IN (SELECT value FROM json_each(?))`,
    )
      .bind(JSON.stringify(others.results.map(({ id }) => id)))
      .run()
  })

  it('gives two administrators who disable each other one survivor', async () => {
    const saved = await env.DB.prepare(
      `UPDATE users SET status = 'disabled' WHERE status <> 'disabled'
         AND EXISTS (SELECT 1 FROM json_each(roles) WHERE value = 'admin') RETURNING id`,
    ).all<{ id: string }>()
    const [one, two] = [await person('admin'), await person('admin')]
    const answers = await Promise.all([
      change(one, `/users/${two.id}/disable`),
      change(two, `/users/${one.id}/disable`),
    ])
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409])
    await env.DB.prepare(
      `UPDATE users SET status = 'active' WHERE id IN (SELECT value FROM json_each(?))`,
    )
      .bind(JSON.stringify(saved.results.map(({ id }) => id)))
      .run()
  })
})

const byId = [
  ['GET', '', undefined],
  ['PATCH', '', { displayName: 'X' }],
  ['DELETE', '', undefined],
  ['POST', '/disable', undefined],
  ['POST', '/enable', undefined],
  ['POST', '/unlock', undefined],
  ['PUT', '/roles', { roles: ['user'] }],
] as const

describe('who may do what by id', () => {
  it.each(byId)('%s /users/{id}%s is nothing for a user (S60, S61)', async (method, path, body) => {
    const [user, other] = [await person('user'), await person('user')]
    const [theirs, nobodys] = await Promise.all(
      [other.id, newId()].map((id) => change(user, `/users/${id}${path}`, body, method)),
    )
    // The own account may be deleted, so that route looks at whose it is.
    expect(theirs?.status).toBe(method === 'DELETE' ? 404 : 403)
    expect([theirs?.status, theirs?.body.detail]).toEqual([nobodys?.status, nobodys?.body.detail])
    expect((await call(`/users/${other.id}${path}`, { method })).status).toBe(401)
    expect(await audited(other.id)).toEqual([])
  })

  it.each(byId)('%s /users/{id}%s knows no id that nobody has', async (method, path, body) => {
    const answer = await change(admin, `/users/${newId()}${path}`, body, method)
    expect([answer.status, answer.body.code]).toEqual([404, 'not_found'])
    expect((await change(admin, `/users/x${path}`, body, method)).status).toBe(422)
  })

  it.each([
    { roles: ['admin'] },
    { id: newId() },
    { status: 'active' },
    { createdAt: '2020-01-01T00:00:00.000Z' },
    { passwordHash: 'x' },
    { constructor: { prototype: {} } },
    JSON.parse('{"__proto__": {"roles": ["admin"]}}'),
  ])('refuses to set %j, and changes nothing (S63)', async (body) => {
    const user = await person('user')
    // JSON.stringify leaves out an inherited member, not an own one of that name.
    const own = await change(user, '/users/profile', body, 'PATCH')
    const theirs = await change(admin, `/users/${user.id}`, body, 'PATCH')
    expect([own.status, theirs.status]).toEqual([422, 422])
    expect(await audited(user.id)).toEqual([])
  })
})

describe('the own profile', () => {
  it('is changed by its owner, which is told once', async () => {
    const user = await person('user')
    const answer = await call<Profile>('/users/profile', {
      method: 'PATCH',
      token: user.token,
      body: { displayName: 'Ada', locale: 'en-GB', timeZone: 'Europe/London' },
    })
    expect(answer.status).toBe(200)
    expect(answer.body.data).toMatchObject({ displayName: 'Ada', locale: 'en-GB' })
    expect((await audited(user.id)).map(({ action }) => action)).toEqual(['account.updated'])
  })

  it('keeps up to 16 KiB of preferences', async () => {
    const { token } = await person('user')
    const put = (body: unknown) =>
      call('/users/profile/preferences', { method: 'PUT', token, body })
    const get = async () => (await call('/users/profile/preferences', { token })).body.data
    expect(await get()).toEqual({})
    const preferences = { theme: 'dark', panes: [1, { wide: true }], none: null }
    expect((await put(preferences)).status).toBe(200)
    expect(await get()).toEqual(preferences)
    for (const body of [[], 'x', null, { text: 'x'.repeat(16 * 1024) }])
      expect((await put(body)).status).toBe(422)
    expect(await get()).toEqual(preferences)
  })
})

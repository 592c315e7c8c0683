import type { RoleInfo, UserDetail } from '@menagerie/contracts'
import { newId } from '@menagerie/core'
import { beforeAll, describe, expect, it } from 'vitest'
import { permissionsFor } from '../../src/roles/permissions-for.ts'
import { keepSessionWork, sweepSessionWork } from '../../src/users/session-work.ts'
import { call, env } from '../support/accounts.ts'
import { audited, customRole, isGood, type Person, person, signInAgain } from './support.ts'

let admin: Person
/** May give roles, and holds little to give. */
let clerk: Person
beforeAll(async () => {
  admin = await person('admin')
  const role = await customRole(admin, 'roles:write', 'users:read', 'users:write', 'profile:read')
  clerk = await person('user', role)
})

const put = (by: Person, id: string, ...roles: string[]) =>
  call<UserDetail>(`/users/${id}/roles`, { method: 'PUT', token: by.token, body: { roles } })
const patch = (by: Person, name: string, body: object) =>
  call<RoleInfo>(`/roles/${name}`, { method: 'PATCH', token: by.token, body })
const remove = (by: Person, name: string) =>
  call(`/roles/${name}`, { method: 'DELETE', token: by.token })

describe('giving roles', () => {
  it('makes older access tokens void, and is told once', async () => {
    const user = await person('user')
    const answer = await put(admin, user.id, 'agent', 'user', 'agent')
    expect([answer.status, answer.body.data.roles]).toEqual([200, ['agent', 'user']])
    expect(await isGood(user.token)).toBe(false)
    expect(await isGood(await signInAgain(user.id))).toBe(true)
    expect(await audited(user.id)).toEqual([
      expect.objectContaining({
        action: 'roles.assigned',
        actor: { kind: 'user', id: admin.id },
        detail: { roles: ['agent', 'user'], previousRoles: ['user'] },
      }),
    ])
    const told = await env.DB.prepare(
      `SELECT json_extract(body, '$.data.previousRoles[0]') AS previous FROM outbox
       WHERE destination = 'history' AND json_extract(body, '$.type') = 'user.role.changed.v1'
         AND json_extract(body, '$.data.userId') = ?`,
    )
      .bind(user.id)
      .all()
    expect(told.results).toEqual([{ previous: 'user' }])
    expect((await put(admin, user.id, 'user', 'agent')).status).toBe(200)
    expect(await audited(user.id)).toHaveLength(1)
  })

  it('is bound by what the giver holds: nobody makes themselves or others more', async () => {
    const user = await person('user')
    const supervisor = await person('supervisor')
    const answers = [
      await put(clerk, clerk.id, 'admin'),
      await put(clerk, user.id, 'admin'),
      await put(clerk, user.id, 'agent'),
      // What somebody holds beyond the clerk's own cannot be taken from them either.
      await put(clerk, supervisor.id, 'user'),
    ]
    expect(answers.map(({ status }) => status)).toEqual([403, 403, 403, 403])
    expect(await audited(user.id)).toEqual([])
  })

  it('knows no role that was never made, and gives `bridge` to nobody', async () => {
    const user = await person('user')
    expect((await put(admin, user.id, 'no-such-role')).status).toBe(422)
    expect((await put(admin, user.id, 'bridge')).status).toBe(422)
    expect((await put(admin, user.id)).status).toBe(422)
  })
})

describe('roles of our own', () => {
  it('are listed beside those built in, and allow what they say', async () => {
    const name = await customRole(admin, 'reports:read', 'calls:read:all')
    const list = await call<RoleInfo[]>('/roles', { token: clerk.token })
    expect(list.body.data.find((role) => role.name === name)).toEqual({
      name,
      description: null,
      permissions: ['calls:read:all', 'reports:read'],
      builtIn: false,
    })
    expect(list.body.data.filter(({ builtIn }) => builtIn)).toHaveLength(5)
    expect(await permissionsFor(env, ['user', name])).toContain('reports:read')
    expect(await audited(name)).toHaveLength(1)
    const all = await call<string[]>('/permissions', { token: clerk.token })
    expect(all.body.data).toContain('devices:bridge')
  })

  it('are refused with what the maker does not hold, with `devices:bridge`, and under a taken name', async () => {
    const make = (by: Person, body: object) => call('/roles', { token: by.token, body })
    const name = `role-${newId()}`
    expect((await make(clerk, { name, permissions: ['reports:read'] })).status).toBe(403)
    expect((await make(admin, { name, permissions: ['devices:bridge'] })).status).toBe(422)
    expect((await make(admin, { name, permissions: ['all'] })).status).toBe(422)
    expect((await make(admin, { name: 'admin', permissions: [] })).status).toBe(409)
    expect((await make(admin, { name, permissions: [] })).status).toBe(201)
    expect((await make(admin, { name, permissions: [] })).status).toBe(409)
    expect(await audited(name)).toHaveLength(1)
  })

  it('make the tokens of everybody who holds them void when they change', async () => {
    const name = await customRole(admin, 'reports:read')
    const holders = [await person('user', name), await person(name)]
    const answer = await patch(admin, name, { permissions: ['users:read'], description: 'Looks' })
    expect([answer.status, answer.body.data.permissions]).toEqual([200, ['users:read']])
    await expect
      .poll(() => Promise.all(holders.map(({ token }) => isGood(token))))
      .toEqual([false, false])
    expect(await permissionsFor(env, [name])).toEqual(['users:read'])
    expect((await audited(name)).map(({ action }) => action)).toEqual([
      'role.created',
      'role.updated',
    ])
  })

  it('make them void also where the isolate of the change is gone', async () => {
    const name = await customRole(admin, 'reports:read')
    const holder = await person(name)
    const work = { task: 'expire-tokens', role: name } as const
    const { statement } = keepSessionWork(env.DB, work, 0, '', { sql: 'true', params: [] })
    await statement.run()
    await sweepSessionWork(env)
    expect(await isGood(holder.token)).toBe(false)
    const left = await env.DB.prepare('SELECT * FROM session_work WHERE role = ?').bind(name).all()
    expect(left.results).toEqual([])
  })

  it('stay as they are where they are built in, unknown, or more than the caller holds', async () => {
    const name = await customRole(admin, 'reports:read')
    const answers = [
      await patch(admin, 'user', { permissions: [] }),
      await remove(admin, 'user'),
      await patch(admin, 'no-such-role', { permissions: [] }),
      await remove(admin, 'no-such-role'),
      await patch(clerk, name, { description: 'Mine' }),
      await remove(clerk, name),
    ]
    expect(answers.map(({ status }) => status)).toEqual([409, 409, 404, 404, 403, 403])
    expect(await audited(name)).toHaveLength(1)
  })

  it('are deleted when nobody holds them', async () => {
    const name = await customRole(admin, 'reports:read')
    const holder = await person('user', name)
    expect((await remove(admin, name)).status).toBe(409)
    expect((await put(admin, holder.id, 'user')).status).toBe(200)
    expect((await remove(admin, name)).status).toBe(204)
    expect((await remove(admin, name)).status).toBe(404)
    expect((await audited(name)).map(({ action }) => action)).toEqual([
      'role.created',
      'role.deleted',
    ])
  })
})

import type { ClientWithSecret, OAuthClient } from '@menagerie/contracts'
import { newId } from '@menagerie/core'
import { beforeAll, describe, expect, it } from 'vitest'
import { findUser } from '../../src/db/users.ts'
import { openSession } from '../../src/sessions/open-session.ts'
import { tokensFor } from '../../src/sessions/tokens.ts'
import { call, claimsOf, env, seeded } from '../support/accounts.ts'
import { accountOf, post, protocol, token } from '../support/oauth.ts'

let admin = ''
let user = ''
const path = '/admin/clients'

/** A token with a second factor just shown. */
async function tokenOf(role: 'admin' | 'supervisor', custom?: string): Promise<string> {
  const id = await accountOf(await seeded(role))
  if (custom !== undefined)
    await env.DB.prepare('UPDATE users SET roles = ? WHERE id = ?')
      .bind(JSON.stringify([custom]), id)
      .run()
  const account = await findUser(env.DB, id)
  if (account === undefined) throw new Error('no account')
  const grant = await openSession(env, {
    user: account,
    clientId: env.CLIENT_ID,
    deviceName: null,
    methods: ['pwd', 'otp'],
    traceparent: '',
  })
  return (await tokensFor(env, account, grant)).access_token
}

beforeAll(async () => {
  admin = await tokenOf('admin')
  user = await tokenOf('supervisor')
})

const create = (body: object, bearer = admin) =>
  call<ClientWithSecret>(path, { body, token: bearer })
const machine = {
  name: 'A machine',
  type: 'confidential',
  grantTypes: ['client_credentials'],
  scopes: [],
  roles: ['agent'],
}
const audited = async (target: string): Promise<string[]> => {
  const { results } = await env.DB.prepare(
    `SELECT json_extract(body, '$.data.action') AS action FROM outbox
     WHERE json_extract(body, '$.data.target.id') = ? ORDER BY id`,
  )
    .bind(target)
    .all<{ action: string }>()
  return results.map(({ action }) => action).sort()
}

describe('/admin/clients', () => {
  it('registers a client, shows its secret once, and keeps its hash alone', async () => {
    const made = await create(machine)
    expect(made.status).toBe(201)
    const { id, secret } = made.body.data
    expect(secret).toMatch(/^[\w-]{43}$/)
    const read = await call<OAuthClient>(`${path}/${id}`, { token: admin })
    expect([read.status, JSON.stringify(read.body).includes('secret')]).toEqual([200, false])
    const row = await env.DB.prepare('SELECT * FROM oauth_clients WHERE id = ?').bind(id).first()
    expect(JSON.stringify(row)).not.toContain(secret)
    const grant = { grant_type: 'client_credentials' }
    expect((await token(grant, { id, secret })).status).toBe(200)

    const rotated = await call<ClientWithSecret>(`${path}/${id}/secret`, {
      method: 'POST',
      token: admin,
    })
    expect(rotated.status).toBe(200)
    expect((await token(grant, { id, secret })).status).toBe(401)
    expect((await token(grant, { id, secret: rotated.body.data.secret })).status).toBe(200)

    const renamed = await call<OAuthClient>(`${path}/${id}`, {
      method: 'PATCH',
      body: { name: 'Another' },
      token: admin,
    })
    expect(renamed.body.data).toMatchObject({ name: 'Another', roles: ['agent'] })
    const gone = await call(`${path}/${id}`, { method: 'DELETE', token: admin })
    expect(gone.status).toBe(204)
    expect((await call(`${path}/${id}`, { token: admin })).status).toBe(404)
    expect((await token(grant, { id, secret: rotated.body.data.secret })).status).toBe(401)
    expect(
      (await audited(id)).filter((action) => /created|updated|deleted|rotated/.test(action)),
    ).toEqual(['client.created', 'client.deleted', 'client.secret-rotated', 'client.updated'])
  })

  it('refuses ids that are taken, those of the settings among them', async () => {
    const id = `taken-${newId()}`
    expect((await create({ ...machine, id })).status).toBe(201)
    for (const taken of [id, 'bridge', env.CLIENT_ID]) {
      const again = await create({ ...machine, id: taken })
      expect([again.status, again.body.code]).toEqual([409, 'conflict'])
    }
    expect(await audited(id)).toEqual(['client.created'])
  })

  it.each([
    ['a public client that acts for itself', { ...machine, type: 'public' }],
    [
      'a public client with roles',
      { name: 'x', type: 'public', roles: ['user'], redirectUris: ['https://a.example/'] },
    ],
    ['a code without an address to send it to', { name: 'x', type: 'public' }],
    ['an address without TLS', { name: 'x', type: 'public', redirectUris: ['http://a.example/'] }],
    ['a fragment', { name: 'x', type: 'public', redirectUris: ['https://a.example/#f'] }],
    ['a role nobody knows', { ...machine, roles: ['nobody'] }],
    ['a field nobody knows', { ...machine, secretHash: 'x' }],
  ])('refuses %s', async (_, body) => {
    const answer = await create(body)
    expect([answer.status, answer.body.code]).toEqual([422, 'validation_failed'])
  })

  it('gives no client what its maker does not hold, and opens to nobody without the permission', async () => {
    const bridge = await create({ ...machine, roles: ['bridge'] })
    expect([bridge.status, bridge.body.code]).toEqual([403, 'forbidden'])
    expect((await create(machine, user)).status).toBe(403)
    expect((await call(path, { token: user })).status).toBe(403)
    expect((await call(path)).status).toBe(401)
  })

  it('lets nobody make a client that gets more of its users than its maker holds', async () => {
    const role = `registrar-${newId().slice(-8)}`
    await env.DB.prepare(
      `INSERT INTO roles (name, description, permissions, created_at, updated_at) VALUES (?, '', ?, 0, 0)`,
    )
      .bind(role, JSON.stringify(['clients:write', 'profile:read']))
      .run()
    const registrar = await tokenOf('supervisor', role)
    const app = { name: 'An app', type: 'public', redirectUris: ['https://app.example/cb'] }
    const theirs = await create(app, registrar)
    expect(theirs.status).toBe(201)
    const ours = await create({ ...app, firstParty: true }, registrar)
    expect([ours.status, ours.body.code]).toEqual([403, 'forbidden'])
    const patch = (id: string, body: object) =>
      call(`${path}/${id}`, { method: 'PATCH', body, token: registrar })
    expect((await patch(theirs.body.data.id, { firstParty: true })).status).toBe(403)
    // Nor lead the codes of one that an administrator made elsewhere.
    const made = await create({ ...app, firstParty: true })
    expect(made.status).toBe(201)
    const led = await patch(made.body.data.id, { redirectUris: ['https://evil.example/cb'] })
    expect(led.status).toBe(403)
  })

  it('voids a client’s own tokens when it loses a role, and when it is deleted', async () => {
    const made = (await create({ ...machine, roles: ['agent', 'user'] })).body.data
    const { id, secret } = made
    const grant = { grant_type: 'client_credentials' }
    const isActive = async (value: unknown) =>
      (await post(`${protocol}/token/introspect`, { token: String(value) }, { id, secret })).body
        .active
    const first = await token(grant, { id, secret })
    expect(await isActive(first.body.access_token)).toBe(true)
    const less = { method: 'PATCH', body: { roles: ['user'] }, token: admin }
    expect((await call(`${path}/${id}`, less)).status).toBe(200)
    expect(await isActive(first.body.access_token)).toBe(false)
    const second = await token(grant, { id, secret })
    expect(await isActive(second.body.access_token)).toBe(true)
    await call(`${path}/${id}`, { method: 'DELETE', token: admin })
    const { sub, sid } = claimsOf(String(second.body.access_token)) as { sub: string; sid: string }
    expect((await env.USER_SESSIONS.getByName(sub).check(sid)).alive).toBe(false)
  })

  it('pages by cursor', async () => {
    await create(machine)
    await create(machine)
    const seen = new Set<string>()
    let cursor: string | undefined
    do {
      const query = cursor === undefined ? '' : `&cursor=${encodeURIComponent(cursor)}`
      const page = await call<OAuthClient[]>(`${path}?limit=1${query}`, { token: admin })
      expect(page.status).toBe(200)
      for (const { id } of page.body.data) {
        expect(seen.has(id)).toBe(false)
        seen.add(id)
      }
      cursor = page.body.meta.nextCursor
    } while (cursor !== undefined && seen.size < 500)
    expect(seen.size).toBeGreaterThan(1)
  })
})

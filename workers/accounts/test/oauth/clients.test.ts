import type { ClientWithSecret, OAuthClient } from '@menagerie/contracts'
import { newId } from '@menagerie/core'
import { beforeAll, describe, expect, it } from 'vitest'
import { findUser } from '../../src/db/users.ts'
import { openSession } from '../../src/sessions/open-session.ts'
import { tokensFor } from '../../src/sessions/tokens.ts'
import { call, env, seeded } from '../support/accounts.ts'
import { accountOf, token } from '../support/oauth.ts'

let admin = ''
let user = ''
const path = '/admin/clients'

/** A token with a second factor just shown. */
async function tokenOf(role: string): Promise<string> {
  const account = await findUser(env.DB, await accountOf(await seeded(role)))
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

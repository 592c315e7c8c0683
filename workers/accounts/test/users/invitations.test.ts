import type {
  CloudEvent,
  Invitation,
  NotificationContent,
  Registration,
} from '@menagerie/contracts'
import { DELIVERY_PURPOSE, newId, unseal } from '@menagerie/core'
import { beforeAll, describe, expect, it } from 'vitest'
import { findUser } from '../../src/db/users.ts'
import { openSession } from '../../src/sessions/open-session.ts'
import { tokensFor } from '../../src/sessions/tokens.ts'
import { call, env, password } from '../support/accounts.ts'
import { audited, customRole, dump, freshEmail, type Person, person } from './support.ts'

let admin: Person
let manager: Person
beforeAll(async () => {
  admin = await person('admin')
  manager = await person('user', await customRole(admin, 'users:read', 'users:write'))
})

const invite = (by: Person, body: object, key?: string) =>
  call<Invitation>('/invitations', {
    token: by.token,
    body,
    headers: {
      'cf-connecting-ip': `10.8.${Math.floor(Math.random() * 250)}.${Math.floor(Math.random() * 250)}`,
      ...(key === undefined ? {} : { 'idempotency-key': key }),
    },
  })

/** What was sent to an address: the newest message, unsealed as the adapter does it. */
async function mailTo(email: string): Promise<NotificationContent[]> {
  const { results } = await env.DB.prepare(
    `SELECT body FROM outbox WHERE destination = 'deliveries'
       AND json_extract(body, '$.data.recipient.email') = ? ORDER BY rowid DESC`,
  )
    .bind(email)
    .all<{ body: string }>()
  return Promise.all(
    results.map(async ({ body }) => {
      const { data } = JSON.parse(body) as CloudEvent<'notification.requested.v1'>
      if (!('sealed' in data.content)) throw new Error('The content lies open')
      return JSON.parse(
        await unseal(env.DELIVERY_KEY, DELIVERY_PURPOSE, data.content.sealed, data.deliveryId),
      ) as NotificationContent
    }),
  )
}

async function tokenSentTo(email: string): Promise<string> {
  const [mail] = await mailTo(email)
  const token = /#invitation=([\w-]+)$/.exec(mail?.body ?? '')?.[1]
  if (token === undefined) throw new Error('No invitation was sent')
  return token
}

const register = (email: string, invitationToken: string) =>
  call<Registration>('/users/register', { body: { email, password, invitationToken } })

describe('an invitation', () => {
  it('makes an active account with its roles and a verified address, once', async () => {
    const email = freshEmail()
    const invited = await invite(admin, { email, roles: ['agent', 'user'], displayName: 'Grace' })
    expect(invited.status).toBe(201)
    expect(invited.body.data).toMatchObject({ email, status: 'open', invitedBy: admin.id })
    const token = await tokenSentTo(email)
    expect(await dump()).not.toContain(token)
    expect(JSON.stringify(invited.body)).not.toContain(token)

    const answers = await Promise.all(Array.from({ length: 10 }, () => register(email, token)))
    const made = answers.filter(({ status }) => status === 201)
    expect(made[0]?.body.data).toMatchObject({ status: 'active', verification: null })
    const row = await env.DB.prepare(
      'SELECT roles, status, email_verified, display_name FROM users WHERE email = ?',
    )
      .bind(email)
      .first()
    expect(row).toEqual({
      roles: '["agent","user"]',
      status: 'active',
      email_verified: 1,
      display_name: 'Grace',
    })
    expect((await register(email, token)).status).toBe(422)
    const { id } = invited.body.data
    expect((await audited(id)).map(({ action }) => action)).toEqual(['invitation.created'])
    const list = await call<Invitation[]>('/invitations', { token: admin.token })
    expect(list.body.data.find((each) => each.id === id)?.status).toBe('accepted')
  })

  it('is nothing to who was not invited, when it was revoked, and after seven days', async () => {
    const [email, other] = [freshEmail(), freshEmail()]
    await invite(admin, { email })
    const token = await tokenSentTo(email)
    expect((await register(other, token)).status).toBe(422)
    await env.DB.prepare('UPDATE invitations SET expires_at = ? WHERE email = ?')
      .bind(Date.now(), email)
      .run()
    expect((await register(email, token)).status).toBe(422)

    const again = await invite(admin, { email: other })
    const path = `/invitations/${again.body.data.id}`
    const revoke = () => call(path, { method: 'DELETE', token: manager.token })
    expect((await revoke()).status).toBe(204)
    expect((await revoke()).status).toBe(404)
    expect((await register(other, await tokenSentTo(other))).status).toBe(422)
    expect((await audited(again.body.data.id)).map(({ action }) => action)).toEqual([
      'invitation.created',
      'invitation.revoked',
    ])
  })

  it('gives no roles the inviter may not give', async () => {
    const email = freshEmail()
    expect((await invite(manager, { email, roles: ['agent'] })).status).toBe(403)
    expect((await invite(admin, { email, roles: ['bridge'] })).status).toBe(422)
    expect((await invite(admin, { email, roles: ['no-such-role'] })).status).toBe(422)
    expect((await invite(await person('user'), { email })).status).toBe(403)
    expect(await mailTo(email)).toEqual([])
    expect((await invite(manager, { email })).status).toBe(201)
    expect((await invite(manager, { email: manager.username })).status).toBe(409)
  })

  it('to more than the role `user` needs a fresh second factor, as giving roles does', async () => {
    const user = await findUser(env.DB, admin.id)
    if (user === undefined) throw new Error('no account')
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    const grant = await openSession(env, {
      user,
      clientId: env.CLIENT_ID,
      deviceName: null,
      methods: ['pwd'],
      traceparent,
    })
    const weak = { ...admin, token: (await tokensFor(env, user, grant)).access_token }
    const refused = await invite(weak, { email: freshEmail(), roles: ['admin'] })
    expect([refused.status, refused.body.code]).toEqual([403, 'step_up_required'])
    expect((await invite(weak, { email: freshEmail() })).status).toBe(201)
  })

  it('is void once the inviter is disabled, lost what it gives, or is gone', async () => {
    const [disabled, demoted, deleted] = await Promise.all([1, 2, 3].map(() => person('admin')))
    if (disabled === undefined || demoted === undefined || deleted === undefined)
      throw new Error('three')
    const emails = [freshEmail(), freshEmail(), freshEmail()] as const
    await invite(disabled, { email: emails[0], roles: ['agent'] })
    await invite(demoted, { email: emails[1], roles: ['admin'] })
    await invite(deleted, { email: emails[2], roles: ['admin'] })
    const tokens = await Promise.all(emails.map(tokenSentTo))
    const by = { token: admin.token, method: 'POST' }
    await call(`/users/${disabled.id}/disable`, by)
    await call(`/users/${demoted.id}/roles`, { ...by, method: 'PUT', body: { roles: ['user'] } })
    await call(`/users/${deleted.id}`, { ...by, method: 'DELETE' })
    const answers = await Promise.all(emails.map((email, i) => register(email, tokens[i] ?? '')))
    expect(answers.map(({ status }) => status)).toEqual([422, 422, 422])
  })

  it('is one for repeats under one key', async () => {
    const [email, key] = [freshEmail(), newId()]
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => invite(admin, { email }, key)),
    )
    expect(new Set(answers.map(({ body }) => JSON.stringify(body))).size).toBe(1)
    expect(await mailTo(email)).toHaveLength(1)
    const other = await invite(admin, { email: freshEmail() }, key)
    expect(other.body.code).toBe('idempotency_mismatch')
  })

  it('is listed newest first, with a cursor for its caller alone (S64)', async () => {
    for (let i = 0; i < 3; i++) await invite(admin, { email: freshEmail() })
    const first = await call<Invitation[]>('/invitations?limit=2', { token: admin.token })
    const cursor = first.body.meta.nextCursor ?? ''
    const second = await call<Invitation[]>(`/invitations?limit=2&cursor=${cursor}`, {
      token: admin.token,
    })
    const seen = [...first.body.data, ...second.body.data].map(({ createdAt }) => createdAt)
    expect(seen).toEqual(seen.toSorted().toReversed())
    const foreign = await call(`/invitations?cursor=${cursor}`, { token: manager.token })
    expect(foreign.status).toBe(422)
  })
})

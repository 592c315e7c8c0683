import { runDurableObjectAlarm } from 'cloudflare:test'
import type { Registration } from '@menagerie/contracts'
import { newId } from '@menagerie/core'
import { describe, expect, it } from 'vitest'
import { seedStatements } from '../../src/seed.ts'
import { sweepSessionWork } from '../../src/users/session-work.ts'
import { call, env, freshPhone, password } from '../support/accounts.ts'
import { audited, dump, isGood, login, person, signInAgain } from './support.ts'

const remove = (id: string, token: string) => call(`/users/${id}`, { method: 'DELETE', token })

describe('deleting an account', () => {
  it('leaves nothing of its owner in D1, and the bare id in the audit (S123)', async () => {
    const phoneNumber = freshPhone()
    const displayName = 'Wilhelmina Erasable'
    const registered = await call<Registration>('/users/register', {
      body: { phoneNumber, password, displayName },
      headers: { 'idempotency-key': newId(), 'cf-connecting-ip': '10.7.1.1' },
    })
    const { id } = registered.body.data
    const token = await signInAgain(id)
    await call('/users/profile/preferences', { method: 'PUT', token, body: { pet: 'axolotl-77' } })
    for (const table of ['totp', 'recovery_codes'] as const)
      await env.DB.prepare(
        table === 'totp'
          ? `INSERT INTO totp (user_id, state, secret, created_at) VALUES (?, 'active', 'x', 0)`
          : `INSERT INTO recovery_codes (user_id, code_hash, created_at) VALUES (?, 'x', 0)`,
      )
        .bind(id)
        .run()
    expect(await dump()).toContain(phoneNumber)

    expect((await remove(id, token)).status).toBe(204)
    const text = await dump()
    for (const trace of [phoneNumber, phoneNumber.slice(1), displayName, 'axolotl-77'])
      expect(text).not.toContain(trace)
    const { results } = await env.DB.prepare(
      'SELECT (SELECT count(*) FROM totp WHERE user_id = ?1) + (SELECT count(*) FROM recovery_codes WHERE user_id = ?1) + (SELECT count(*) FROM user_roles WHERE user_id = ?1) + (SELECT count(*) FROM idempotency_keys WHERE claim = ?1) AS n',
    )
      .bind(id)
      .all()
    expect(results).toEqual([{ n: 0 }])
    const found = await env.DB.prepare(
      `SELECT count(*) AS n FROM user_search WHERE user_search MATCH '"wilhelmina"*'`,
    ).first()
    expect(found).toEqual({ n: 0 })
    // The index forgets the bytes too, within the hour.
    await env.DB.prepare(`UPDATE session_work SET due_at = 0 WHERE id = 'forget-words'`).run()
    await sweepSessionWork(env)
    const bytes = await env.DB.prepare(
      `SELECT count(*) AS n FROM user_search_data WHERE instr(block, CAST('lhelmin' AS BLOB)) > 0`,
    ).first()
    expect(bytes).toEqual({ n: 0 })
    expect((await audited(id)).map(({ action }) => action)).toEqual([
      'account.registered',
      'account.deleted',
    ])
    expect(await isGood(token)).toBe(false)
    expect((await login(phoneNumber)).status).toBe(401)
    expect((await call('/users/profile', { token })).status).toBe(401)
    await runDurableObjectAlarm(env.USER_SESSIONS.getByName(id))
    expect(await env.USER_SESSIONS.getByName(id).list()).toEqual([])
  })

  it('is for its owner and for who manages users; for others there is no such account', async () => {
    const [admin, user, other] = [await person('admin'), await person('user'), await person('user')]
    const refused = await remove(user.id, other.token)
    const missing = await remove(newId(), other.token)
    expect([refused.status, refused.body.detail]).toEqual([404, missing.body.detail])
    expect((await remove(user.id, admin.token)).status).toBe(204)
    expect((await remove(user.id, admin.token)).status).toBe(404)
    const [, deleted] = await audited(user.id)
    expect(deleted).toBeUndefined()
    expect((await audited(user.id))[0]?.actor).toEqual({ kind: 'user', id: admin.id })
  })
})

describe('a seeded administrator with an authenticator app', () => {
  it('signs in with a password alone, and has the app for critical actions', async () => {
    const username = `${newId()}@example.com`
    const user = {
      role: 'admin',
      username,
      password,
      displayName: 'Demo',
      totpSecret: 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ',
    }
    const seed = async () => {
      const statements = await seedStatements([user], Date.now(), 4, env.KEY_ENCRYPTION_KEY)
      await env.DB.batch(statements.map(({ sql, params }) => env.DB.prepare(sql).bind(...params)))
    }
    await seed()
    // A second time it changes nothing.
    await seed()
    const answer = await login(username)
    expect(answer.status).toBe(200)
    const { access_token } = answer.body.data as { access_token: string }
    const profile = await call('/users/profile', { token: access_token })
    expect(profile.body.data).toMatchObject({
      mfa: { enabled: true, methods: ['totp'] },
    })
    await expect(seedStatements([user], 0, 4)).rejects.toThrow('KEY_ENCRYPTION_KEY')
  })
})

import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import type { TokenResponse } from '@menagerie/contracts'
import { newId, type Principal } from '@menagerie/core'
import { SignJWT } from 'jose'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { refreshTokenKey } from '../src/secrets.ts'
import { call, claimsOf, env, seeded, signedIn } from './support/accounts.ts'

const refresh = (refresh_token: string) =>
  call<TokenResponse>('/auth/refresh', { body: { refresh_token } })

/** Turns the clock on; objects and Worker run in this isolate. */
function pass(ms: number): void {
  const now = Date.now()
  if (!vi.isFakeTimers()) vi.useFakeTimers({ toFake: ['Date'] })
  vi.setSystemTime(now + ms)
}

const sessionsOf = (token: string) => env.USER_SESSIONS.getByName(String(claimsOf(token).sub))

const isAlive = async (sessions: ReturnType<typeof sessionsOf>, sid: string) =>
  (await sessions.check(sid)).alive

/** Bodies of the outbox rows that an object has kept for a queue. */
async function messagesOf(token: string, destination: string): Promise<unknown[]> {
  return runInDurableObject(sessionsOf(token), (_object, state) =>
    state.storage.sql
      .exec<{ body: string }>('SELECT body FROM outbox WHERE destination = ?', destination)
      .toArray()
      .map(({ body }) => JSON.parse(body)),
  )
}

afterEach(() => {
  vi.useRealTimers()
})

describe('refreshing', () => {
  it('gives a successor, and an access token with the roles of this moment', async () => {
    const username = await seeded('user')
    const first = await signedIn(username)
    await env.DB.prepare(`UPDATE users SET roles = '["agent"]' WHERE username = ?`)
      .bind(username)
      .run()
    const answer = await refresh(first.refresh_token)
    expect(answer.status).toBe(200)
    expect(answer.body.data.refresh_token).not.toBe(first.refresh_token)
    expect(answer.body.data.session_state).toBe(first.session_state)
    expect(claimsOf(answer.body.data.access_token)).toMatchObject({
      sid: first.session_state,
      resource_access: { menagerie: { roles: ['agent'] } },
    })
    expect((await refresh(answer.body.data.refresh_token)).status).toBe(200)
  })

  it('gives a hundred parallel refreshes one and the same successor (S20, G11)', async () => {
    const first = await signedIn(await seeded('user'))
    const answers = await Promise.all(
      Array.from({ length: 100 }, () => refresh(first.refresh_token)),
    )
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
    expect(new Set(answers.map(({ body }) => body.data.refresh_token)).size).toBe(1)
  })

  it('gives a late tab the same successor within ten seconds, also when that was used', async () => {
    const first = await signedIn(await seeded('user'))
    const second = await refresh(first.refresh_token)
    await refresh(second.body.data.refresh_token)
    pass(9_000)
    const late = await refresh(first.refresh_token)
    expect(late.body.data.refresh_token).toBe(second.body.data.refresh_token)
  })

  it('ends the session when a token is used again after ten seconds (S19, S21, RFC 9700 §4.14.2)', async () => {
    const first = await signedIn(await seeded('user'))
    const second = (await refresh(first.refresh_token)).body.data
    pass(10_001)
    const reused = await refresh(first.refresh_token)
    expect([reused.status, reused.body.code]).toEqual([400, 'invalid_grant'])
    // Nor is its successor any good (S21).
    expect((await refresh(second.refresh_token)).status).toBe(400)
    expect(await sessionsOf(first.access_token).check(first.session_state)).toMatchObject({
      alive: false,
    })
    expect(await messagesOf(first.access_token, 'revocations')).toMatchObject([
      {
        type: 'session.revoked.v1',
        data: { sessionId: first.session_state, reason: 'refresh_reuse', sockets: [] },
      },
    ])
  })

  it('leaves other sessions of the user alone', async () => {
    const username = await seeded('user')
    const [stolen, other] = [await signedIn(username), await signedIn(username)]
    await refresh(stolen.refresh_token)
    pass(10_001)
    expect((await refresh(stolen.refresh_token)).status).toBe(400)
    expect((await refresh(other.refresh_token)).status).toBe(200)
  })

  it('does not move the absolute end of a session: after 30 days no refresh, however often it was swapped (S23)', async () => {
    const first = await signedIn(await seeded('user'))
    pass(29 * 86_400_000)
    const later = (await refresh(first.refresh_token)).body.data
    expect(later.refresh_expires_in).toBeLessThanOrEqual(86_400)
    expect(claimsOf(later.refresh_token).exp).toBe(claimsOf(first.refresh_token).exp)
    pass(86_400_001)
    expect((await refresh(later.refresh_token)).status).toBe(400)
    expect(await sessionsOf(first.access_token).check(first.session_state)).toMatchObject({
      alive: false,
    })
  })

  it('tells of a session that ended by its age', async () => {
    const first = await signedIn(await seeded('user'))
    const sessions = sessionsOf(first.access_token)
    await sessions.registerSocket(first.session_state, { class: 'CallRoom', name: 'a-call' })
    pass(30 * 86_400_000 + 1)
    await runDurableObjectAlarm(sessions)
    expect(await messagesOf(first.access_token, 'revocations')).toMatchObject([
      { data: { reason: 'expired', sockets: [{ class: 'CallRoom', name: 'a-call' }] } },
    ])
  })

  it('takes no access token, no forged, foreign or mutated one', async () => {
    const tokens = await signedIn(await seeded('user'))
    const claims = claimsOf(tokens.refresh_token)
    const key = await refreshTokenKey(env.KEY_ENCRYPTION_KEY)
    const sign = (changes: object, by = key) =>
      new SignJWT({ ...claims, ...changes }).setProtectedHeader({ alg: 'HS256' }).sign(by)
    const [header, , signature] = tokens.refresh_token.split('.')
    const refused = [
      tokens.access_token,
      await sign({}, new Uint8Array(32)),
      await sign({ iss: 'https://elsewhere.example' }),
      await sign({ typ: 'Bearer' }),
      await sign({ sid: newId() }),
      await sign({ sub: newId() }),
      await sign({ exp: 1 }),
      `${header}.${btoa(JSON.stringify({ ...claims, sub: newId() })).replaceAll('=', '')}.${signature}`,
      `${tokens.refresh_token}=`,
      'not.a.token',
    ]
    for (const token of refused) {
      const answer = await refresh(token)
      expect([token, answer.status, answer.body.code]).toEqual([token, 400, 'invalid_grant'])
    }
    expect((await refresh(tokens.refresh_token)).status).toBe(200)
  })

  it('ends with the account (S16)', async () => {
    const username = await seeded('user')
    const tokens = await signedIn(username)
    await env.DB.prepare(`UPDATE users SET status = 'disabled' WHERE username = ?`)
      .bind(username)
      .run()
    expect((await refresh(tokens.refresh_token)).status).toBe(400)
  })
})

describe('what an object keeps', () => {
  it('has hashes of refresh tokens and nothing of them in clear (S25)', async () => {
    const first = await signedIn(await seeded('user'))
    const second = (await refresh(first.refresh_token)).body.data
    const text = await runInDurableObject(sessionsOf(first.access_token), (_object, state) => {
      const tables = state.storage.sql
        .exec<{ name: string }>(`SELECT name FROM sqlite_master WHERE type = 'table'`)
        .toArray()
        .filter(({ name }) => !name.startsWith('_cf'))
      return JSON.stringify(
        tables.map(({ name }) => state.storage.sql.exec(`SELECT * FROM "${name}"`).toArray()),
      )
    })
    expect(text).toContain(first.session_state)
    for (const { refresh_token } of [first, second]) {
      expect(text).not.toContain(claimsOf(refresh_token).jti)
      expect(text).not.toContain(refresh_token.split('.')[2])
    }
  })
})

describe('signing out', () => {
  it('ends the session, tells who holds its sockets, and refuses new ones; nothing is refreshed after it (S26)', async () => {
    const tokens = await signedIn(await seeded('user'))
    const sid = tokens.session_state
    const sessions = sessionsOf(tokens.access_token)
    const [kept, gone] = ['a-call', 'another-call'].map((name) => ({
      class: 'CallRoom' as const,
      name,
    }))
    if (!kept || !gone) throw new Error('unreachable')
    expect(await sessions.registerSocket(sid, kept)).toBe(true)
    expect(await sessions.registerSocket(sid, gone)).toBe(true)
    await sessions.unregisterSocket(sid, gone)

    const answer = await call('/auth/logout', { method: 'POST', token: tokens.access_token })
    expect(answer.status).toBe(204)
    expect(await isAlive(sessions, sid)).toBe(false)
    expect(await sessions.registerSocket(sid, kept)).toBe(false)
    expect(await messagesOf(tokens.access_token, 'revocations')).toMatchObject([
      { data: { sessionId: sid, reason: 'logout', sockets: [kept] } },
    ])
    expect(await messagesOf(tokens.access_token, 'history')).toMatchObject([
      { type: 'user.signed-in.v1', data: { sessionId: sid, clientId: 'menagerie', acr: '1' } },
      { type: 'session.revoked.v1', data: { sessionId: sid } },
    ])
    expect((await refresh(tokens.refresh_token)).status).toBe(400)
    const again = await call('/auth/logout', { method: 'POST', token: tokens.access_token })
    expect(again.status).toBe(204)
  })

  it('ends no session of somebody else, whatever refresh token comes with it', async () => {
    const [mine, other] = [
      await signedIn(await seeded('user')),
      await signedIn(await seeded('user')),
    ]
    const body = { refresh_token: other.refresh_token }
    const answer = await call('/auth/logout', { token: mine.access_token, body })
    expect(answer.status).toBe(204)
    expect((await refresh(other.refresh_token)).status).toBe(200)
  })

  it('of somebody else needs users:write; for others there is no such session', async () => {
    const tokens = await signedIn(await seeded('user'))
    const sessions = sessionsOf(tokens.access_token)
    const stranger: Principal = {
      kind: 'user',
      id: newId(),
      username: 'x',
      sessionId: newId(),
      clientId: 'menagerie',
      roles: [],
      permissions: ['users:read'],
      acr: '1',
      issuedAt: Date.now(),
      expiresAt: Date.now() + 1000,
    }
    const sid = tokens.session_state
    expect(await sessions.revoke(stranger, sid, 'admin')).toEqual({
      ok: false,
      error: { code: 'not_found' },
    })
    expect(await isAlive(sessions, sid)).toBe(true)
    const admin: Principal = { ...stranger, permissions: ['users:write'] }
    expect((await sessions.revoke(admin, sid, 'admin')).ok).toBe(true)
    expect(await isAlive(sessions, sid)).toBe(false)
  })

  it('writes nothing for a user who never signed in', async () => {
    const stranger = env.USER_SESSIONS.getByName(newId())
    expect(await isAlive(stranger, newId())).toBe(false)
    expect(await stranger.registerSocket(newId(), { class: 'CallRoom', name: 'x' })).toBe(false)
    expect(await stranger.rotate({ sid: newId(), jti: 'x' })).toMatchObject({ ok: false })
    const tables = await runInDurableObject(stranger, (_object, state) =>
      state.storage.sql.exec('SELECT name FROM sqlite_master').toArray(),
    )
    expect(tables.filter(({ name }) => !String(name).startsWith('_cf'))).toEqual([])
  })
})

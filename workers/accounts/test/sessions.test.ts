import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import type { SessionInfo, TokenResponse } from '@menagerie/contracts'
import { newId, type Principal } from '@menagerie/core'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { findUser } from '../src/db/users.ts'
import { endSessions, expireTokens } from '../src/sessions/end-sessions.ts'
import { openSession } from '../src/sessions/open-session.ts'
import {
  mintAccessToken,
  mintClientToken,
  mintRefreshToken,
  tokensFor,
} from '../src/sessions/tokens.ts'
import { call, claimsOf, env, seeded, signedIn } from './support/accounts.ts'

const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
const base = '/users/profile/sessions'

/** Turns the clock on; objects and Worker run in this isolate. */
function pass(ms: number): void {
  const now = Date.now()
  if (!vi.isFakeTimers()) vi.useFakeTimers({ toFake: ['Date'] })
  vi.setSystemTime(now + ms)
}
afterEach(() => {
  vi.useRealTimers()
})

const ownerOf = (userId: string) => env.USER_SESSIONS.getByName(userId)
const subOf = (token: string) => String(claimsOf(token).sub)

interface Message {
  id: string
  type: string
  queue: string
  data: Record<string, unknown>
}

/** What an object has told the queues, oldest first. */
const messagesOf = (userId: string): Promise<Message[]> =>
  runInDurableObject(ownerOf(userId), (_object, state) =>
    state.storage.sql
      .exec<{ body: string }>('SELECT body FROM outbox ORDER BY rowid')
      .toArray()
      .map(({ body }) => JSON.parse(body)),
  )

const auditsOf = async (userId: string) =>
  (await messagesOf(userId)).filter(({ queue }) => queue === 'audit').map(({ data }) => data)

const principalOf = (token: string): Principal => {
  const claims = claimsOf(token)
  return {
    kind: 'user',
    id: String(claims.sub),
    username: '',
    sessionId: String(claims.sid),
    clientId: 'menagerie',
    roles: [],
    permissions: [],
    acr: '1',
    issuedAt: Number(claims.iat) * 1000,
    expiresAt: Number(claims.exp) * 1000,
  }
}

const aliveOf = async (token: string) => {
  const { sub, sid, iat } = claimsOf(token)
  return (await ownerOf(String(sub)).check(String(sid), Number(iat))).alive
}

describe("a user's sessions", () => {
  it('are listed, newest first, and told from the one that asks', async () => {
    const username = await seeded('user')
    const first = await signedIn(username)
    pass(10)
    const second = await signedIn(username)
    const { status, body } = await call<SessionInfo[]>(base, { token: first.access_token })
    expect(status).toBe(200)
    expect(body.data.map(({ id, current }) => [id, current])).toEqual([
      [second.session_state, false],
      [first.session_state, true],
    ])
    expect(body.data[0]).toMatchObject({
      clientId: 'menagerie',
      acr: '1',
      methods: ['pwd'],
      name: null,
    })
  })

  it('get another id at each sign-in (S26)', async () => {
    const username = await seeded('user')
    const [first, second] = [await signedIn(username), await signedIn(username)]
    expect(first.session_state).not.toBe(second.session_state)
  })

  it('have names', async () => {
    const tokens = await signedIn(await seeded('user'))
    const path = `${base}/${tokens.session_state}`
    const token = tokens.access_token
    const named = await call<SessionInfo>(path, {
      method: 'PATCH',
      token,
      body: { name: 'My phone' },
    })
    expect([named.status, named.body.data.name]).toEqual([200, 'My phone'])
    const [shown] = (await call<SessionInfo[]>(base, { token })).body.data
    expect(shown?.name).toBe('My phone')
  })

  it('end one by one; those that do not stand are not found', async () => {
    const username = await seeded('user')
    const [mine, other] = [await signedIn(username), await signedIn(username)]
    const stranger = await signedIn(await seeded('user'))
    const end = (sid: string) =>
      call(`${base}/${sid}`, { method: 'DELETE', token: mine.access_token })
    expect((await end(other.session_state)).status).toBe(204)
    expect((await end(other.session_state)).status).toBe(404)
    expect((await end(stranger.session_state)).status).toBe(404)
    expect(await aliveOf(other.access_token)).toBe(false)
    expect(await aliveOf(mine.access_token)).toBe(true)
    expect(await aliveOf(stranger.access_token)).toBe(true)
  })

  it('end all but the one that asks, or all of them (S17)', async () => {
    const username = await seeded('user')
    const all = [await signedIn(username), await signedIn(username), await signedIn(username)]
    const [mine] = all
    if (mine === undefined) throw new Error('unreachable')
    const end = (query = '') =>
      call(`${base}${query}`, { method: 'DELETE', token: mine.access_token })
    expect((await end('?except=current')).status).toBe(204)
    expect(await Promise.all(all.map((one) => aliveOf(one.access_token)))).toEqual([
      true,
      false,
      false,
    ])
    expect((await end()).status).toBe(204)
    expect(await aliveOf(mine.access_token)).toBe(false)
    const answer = await call('/auth/refresh', { body: { refresh_token: mine.refresh_token } })
    expect([answer.status, answer.body.code]).toEqual([400, 'invalid_grant'])
  })

  it('tell every object that holds a socket of theirs, when all of them end', async () => {
    const username = await seeded('user')
    const [first, second] = [await signedIn(username), await signedIn(username)]
    const userId = subOf(first.access_token)
    for (const [tokens, name] of [
      [first, 'call-1'],
      [second, 'call-2'],
    ] as const)
      await ownerOf(userId).registerSocket(tokens.session_state, { class: 'CallRoom', name })
    expect(await endSessions(env, userId, { reason: 'disabled' }, traceparent)).toBe(2)
    const told = (await messagesOf(userId)).filter(({ queue }) => queue === 'revocations')
    expect(told.map(({ data }) => data)).toMatchObject([
      { reason: 'disabled', sockets: [{ class: 'CallRoom', name: 'call-1' }] },
      { reason: 'disabled', sockets: [{ class: 'CallRoom', name: 'call-2' }] },
    ])
  })
})

describe('an account that changed', () => {
  it('that was disabled has no session left (S16)', async () => {
    const tokens = await signedIn(await seeded('user'))
    const userId = subOf(tokens.access_token)
    await env.DB.prepare(`UPDATE users SET status = 'disabled' WHERE id = ?`).bind(userId).run()
    await endSessions(env, userId, { reason: 'disabled' }, traceparent)
    expect(await aliveOf(tokens.access_token)).toBe(false)
    const answer = await call('/auth/refresh', { body: { refresh_token: tokens.refresh_token } })
    expect(answer.status).toBe(400)
  })

  it.each([
    ['disabled', `status = 'disabled'`, 'invalid_credentials'],
    ['given another password', 'password_changed_at = 1', 'invalid_credentials'],
    ['given other roles', `roles = '["agent"]'`, 'unavailable'],
  ])('between proof and session, by being %s, gets none (S16, S17)', async (_, change, code) => {
    const username = await seeded('user')
    const userId = subOf((await signedIn(username)).access_token)
    const user = await findUser(env.DB, userId)
    if (user === undefined) throw new Error('unreachable')
    await env.DB.prepare(`UPDATE users SET ${change} WHERE id = ?`).bind(userId).run()
    const opening = { user, clientId: 'menagerie', deviceName: null, methods: ['pwd' as const] }
    await expect(openSession(env, { ...opening, traceparent })).rejects.toMatchObject({ code })
    expect(await ownerOf(userId).list()).toHaveLength(1)
  })

  it('in its roles makes older access tokens void at once, and a refresh brings good ones (S17)', async () => {
    const tokens = await signedIn(await seeded('user'))
    const userId = subOf(tokens.access_token)
    const owner = { class: 'CallRoom', name: 'a-call' } as const
    await ownerOf(userId).registerSocket(tokens.session_state, owner)
    await expireTokens(env, userId, traceparent)
    expect(await aliveOf(tokens.access_token)).toBe(false)
    const { iat } = claimsOf(tokens.access_token)
    const again = ownerOf(userId).registerSocket(tokens.session_state, owner, Number(iat))
    expect(await again).toBe(false)
    const refreshed = await call<TokenResponse>('/auth/refresh', {
      body: { refresh_token: tokens.refresh_token },
    })
    expect(await aliveOf(refreshed.body.data.access_token)).toBe(true)
    expect(refreshed.body.data.expires_in).toBe(900)
    const told = (await messagesOf(userId)).filter(({ queue }) => queue === 'revocations')
    expect(told).toMatchObject([
      {
        type: 'session.tokens-expired.v1',
        data: { sessionId: tokens.session_state, sockets: [owner] },
      },
    ])
  })

  it('by being deleted ends its sessions, opens none, and leaves a history without data whose chain holds', async () => {
    const username = await seeded('user')
    const tokens = await signedIn(username)
    const userId = subOf(tokens.access_token)
    const owner = ownerOf(userId)
    await owner.rename(principalOf(tokens.access_token), tokens.session_state, 'a private name')
    const before = await chainOf(userId)
    expect(await owner.erase(traceparent)).toMatchObject({ ok: true })
    expect(await owner.erase(traceparent)).toMatchObject({ ok: true })
    expect(await aliveOf(tokens.access_token)).toBe(false)
    const after = await chainOf(userId)
    expect(after.slice(0, before.length)).toEqual(
      before.map((event) => ({ ...event, data: null, salt: null })),
    )
    expect(after.every(({ data, salt }) => data === null && salt === null)).toBe(true)
    const user = await findUser(env.DB, userId)
    if (user === undefined) throw new Error('unreachable')
    await expect(
      openSession(env, {
        user,
        clientId: 'menagerie',
        deviceName: null,
        methods: ['pwd'],
        traceparent,
      }),
    ).rejects.toMatchObject({ code: 'invalid_grant' })
  })
})

const chainOf = (userId: string) =>
  runInDurableObject(ownerOf(userId), (_object, state) =>
    state.storage.sql
      .exec<{ seq: number; data: string | null; salt: string | null; hash: string }>(
        'SELECT seq, data, salt, data_hash, hash FROM events ORDER BY seq',
      )
      .toArray(),
  )

describe('what is told of sessions', () => {
  it('is one audit event for each change, with who made it, and no secret (S120)', async () => {
    const tokens = await signedIn(await seeded('user'))
    const principal = principalOf(tokens.access_token)
    const { id: userId, sessionId } = principal
    const owner = ownerOf(userId)
    await owner.rename(principal, sessionId, 'a name')
    await owner.rename(principal, sessionId, 'a name')
    await owner.stepUp(principal, sessionId, 'otp')
    await call('/auth/refresh', { body: { refresh_token: tokens.refresh_token } })
    await call('/auth/logout', { method: 'POST', token: tokens.access_token })
    await call('/auth/logout', { method: 'POST', token: tokens.access_token })
    const actor = { kind: 'user', id: userId }
    const target = { kind: 'session', id: sessionId }
    const audits = await auditsOf(userId)
    expect(audits).toEqual([
      {
        action: 'sign-in.succeeded',
        outcome: 'success',
        actor,
        target,
        reason: null,
        detail: { userId, clientId: 'menagerie', acr: '1', methods: ['pwd'] },
      },
      expect.objectContaining({ action: 'session.renamed', actor, target }),
      expect.objectContaining({ action: 'step-up.succeeded', detail: { userId, method: 'otp' } }),
      expect.objectContaining({ action: 'session.revoked', actor, reason: 'logout' }),
    ])
    expect(JSON.stringify(audits)).not.toContain('a name')
    const ids = (await messagesOf(userId)).map(({ id, queue }) => `${id} ${queue}`)
    expect(new Set(ids).size).toBe(ids.length)
  })

  it('names nobody where a stolen token ended a session, and accounts where time did', async () => {
    const username = await seeded('user')
    const stolen = await signedIn(username)
    const userId = subOf(stolen.access_token)
    await call('/auth/refresh', { body: { refresh_token: stolen.refresh_token } })
    await signedIn(username)
    pass(10_001)
    await call('/auth/refresh', { body: { refresh_token: stolen.refresh_token } })
    pass(30 * 86_400_000)
    await runDurableObjectAlarm(ownerOf(userId))
    const ends = (await auditsOf(userId)).filter(({ action }) => action === 'session.revoked')
    expect(ends).toMatchObject([
      { actor: { kind: 'anonymous', id: null }, reason: 'refresh_reuse' },
      { actor: { kind: 'service', id: 'accounts' }, reason: 'expired' },
    ])
  })
})

describe('tokens', () => {
  const granted = async (clientId: string, scope?: string) => {
    const username = await seeded('supervisor')
    const userId = subOf((await signedIn(username)).access_token)
    const user = await findUser(env.DB, userId)
    if (user === undefined) throw new Error('unreachable')
    const grant = await openSession(env, {
      user,
      clientId,
      deviceName: null,
      methods: ['pwd', 'otp'],
      traceparent,
      ...(scope === undefined ? {} : { scope }),
    })
    return { user, grant }
  }

  it('of another client allow what its scope names and its user may, and no more', async () => {
    const scope = 'openid calls:read:own users:read users:write'
    const { user, grant } = await granted('other', scope)
    const { claims } = await mintAccessToken(env, {
      user,
      grant,
      scope,
      clientId: 'other',
      firstParty: false,
    })
    expect(claims).toMatchObject({ azp: 'other', acr: '2', scope })
    expect(claims.permissions).toEqual(['calls:read:own', 'users:read'])
  })

  it('of another client are refreshed at the token endpoint alone: shown here one ends its session (S22)', async () => {
    const { user, grant } = await granted('other')
    const refresh_token = await mintRefreshToken(env, user.id, grant)
    const answer = await call('/auth/refresh', { body: { refresh_token } })
    expect([answer.status, answer.body.code]).toEqual([400, 'invalid_grant'])
    expect(await ownerOf(user.id).check(grant.sid)).toMatchObject({ alive: false })
    expect(await auditsOf(user.id)).toContainEqual(
      expect.objectContaining({ action: 'session.revoked', reason: 'refresh_reuse' }),
    )
  })

  it('can be looked at without being swapped', async () => {
    const { user, grant } = await granted('menagerie')
    const owner = ownerOf(user.id)
    const token = { sid: grant.sid, jti: grant.jti }
    const spentOf = async (jti: string) => {
      const peeked = await owner.peek({ sid: grant.sid, jti })
      return peeked.ok ? peeked.value.spent : peeked.error
    }
    expect(await spentOf(grant.jti)).toBe('no')
    const next = await owner.rotate(token)
    expect([await spentOf(grant.jti), await spentOf('never-one')]).toEqual(['grace', 'reused'])
    expect(next.ok && (await spentOf(next.value.jti))).toBe('no')
    pass(10_001)
    expect(await spentOf(grant.jti)).toBe('reused')
    expect((await owner.check(grant.sid)).alive).toBe(true)
  })

  it('tell the life that is left to the second', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    vi.setSystemTime(Math.ceil(Date.now() / 1000) * 1000 + 999)
    const { user, grant } = await granted('menagerie')
    expect(await tokensFor(env, user, grant)).toMatchObject({
      expires_in: 900,
      refresh_expires_in: 2_592_000,
    })
  })

  it('of a client that acts for itself share one session, which ends as any other (S41)', async () => {
    const client = { clientSub: newId(), clientId: 'bridge', lifetimeMs: 900_000 }
    const owner = ownerOf(client.clientSub)
    const [first, second] = [await owner.clientSession(client), await owner.clientSession(client)]
    if (!first.ok || !second.ok) throw new Error('no session')
    expect(second.value.sid).toBe(first.value.sid)
    const { claims } = await mintClientToken(env, {
      client: { id: 'bridge', roles: ['bridge'] },
      ...first.value,
    })
    expect(claims).toMatchObject({ sid: first.value.sid, permissions: ['devices:bridge'] })
    expect(await messagesOf(client.clientSub)).toEqual([])
    pass(24 * 3_600_000 - 899_000)
    const third = await owner.clientSession(client)
    expect(third.ok && third.value.sid).not.toBe(first.value.sid)
    expect(await owner.revokeAll('system', {}, 'admin')).toMatchObject({ ok: true, value: 2 })
    expect((await owner.check(first.value.sid)).alive).toBe(false)
  })
})

describe('a second factor in a session', () => {
  it('is remembered with its time, and stands in the next access tokens', async () => {
    const tokens = await signedIn(await seeded('user'))
    const principal = principalOf(tokens.access_token)
    const owner = ownerOf(principal.id)
    expect(await owner.check(principal.sessionId)).toEqual({ alive: true, secondFactorAt: null })
    const stepped = await owner.stepUp(principal, principal.sessionId, 'otp')
    if (!stepped.ok) throw new Error('no step-up')
    expect(stepped.value).toMatchObject({ acr: '2', methods: ['pwd', 'otp'] })
    expect(await owner.check(principal.sessionId)).toEqual({
      alive: true,
      secondFactorAt: stepped.value.secondFactorAt,
    })
    const refreshed = await call<TokenResponse>('/auth/refresh', {
      body: { refresh_token: tokens.refresh_token },
    })
    expect(claimsOf(refreshed.body.data.access_token).acr).toBe('2')
  })

  it("of somebody else is nobody's to note", async () => {
    const [mine, other] = [
      await signedIn(await seeded('user')),
      await signedIn(await seeded('user')),
    ]
    const owner = ownerOf(subOf(other.access_token))
    const stranger = principalOf(mine.access_token)
    expect(await owner.stepUp(stranger, other.session_state, 'otp')).toEqual({
      ok: false,
      error: { code: 'not_found' },
    })
    expect(await owner.rename(stranger, other.session_state, 'mine')).toMatchObject({ ok: false })
    expect(await owner.revokeAll(stranger, {}, 'revoked')).toMatchObject({ ok: false })
  })
})

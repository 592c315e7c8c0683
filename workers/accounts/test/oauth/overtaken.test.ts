import { afterEach, describe, expect, it, vi } from 'vitest'
import { EngineAdapter } from '../../src/oauth/adapter.ts'
import { signInDetails } from '../../src/oauth/exchange.ts'
import { finishConsent, finishLogin, loadInteraction } from '../../src/oauth/interactions.ts'
import { shardOf } from '../../src/oauth/places.ts'
import { endSessions, eraseSessions } from '../../src/sessions/end-sessions.ts'
import { claimsOf, env, seeded } from '../support/accounts.ts'
import {
  accountOf,
  authorizeUrl,
  Browser,
  codeFor,
  exchange,
  pkce,
  registered,
  throughPages,
} from '../support/oauth.ts'

afterEach(() => {
  vi.useRealTimers()
})

const later = (ms: number) => vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + ms })
const changePassword = (id: string) =>
  env.DB.prepare('UPDATE users SET password_changed_at = ? WHERE id = ?').bind(Date.now(), id).run()
const uidIn = (location: string | null) =>
  /\/interaction\/([^/?]+)$/.exec(location ?? '')?.[1] ?? ''

describe('what was begun before the account changed', () => {
  it('opens no session with a code from before another password (S17)', async () => {
    const [app, name] = [await registered(), await seeded('user')]
    const given = await codeFor(app, name)
    later(2_000)
    await changePassword(await accountOf(name))
    const { status, body } = await exchange(app, given)
    expect([status, body.error]).toEqual([400, 'invalid_grant'])
  })

  it('opens no session with a code from before all sessions were ended (S17)', async () => {
    const [app, name] = [await registered(), await seeded('user')]
    const given = await codeFor(app, name)
    later(2_000)
    await endSessions(env, await accountOf(name), { reason: 'revoked' }, '')
    const { status, body } = await exchange(app, given)
    expect([status, body.error]).toEqual([400, 'invalid_grant'])
  })

  it('asks who signed in and has opened no session yet again, after all were ended (S17)', async () => {
    const [ours, name] = [await registered({ firstParty: true }), await seeded('user')]
    const browser = new Browser()
    await codeFor(ours, name, {}, browser)
    later(2_000)
    await endSessions(env, await accountOf(name), { reason: 'revoked' }, '')
    const again = await codeFor(ours, name, {}, browser)
    expect(again.pages).toEqual(['login'])
    expect((await exchange(ours, again)).status).toBe(200)
  })

  it('keeps the browser signed in whose session was the one to stay', async () => {
    const [ours, name] = [await registered({ firstParty: true }), await seeded('user')]
    const browser = new Browser()
    const { body } = await exchange(ours, await codeFor(ours, name, {}, browser))
    const { sid } = claimsOf(String(body.access_token)) as { sid: string }
    later(2_000)
    await endSessions(env, await accountOf(name), { reason: 'revoked', except: sid }, '')
    const again = await codeFor(ours, name, {}, browser)
    expect(again.pages).toEqual([])
    expect((await exchange(ours, again)).status).toBe(200)
  })

  it('counts from the sign-in, not from when the browser goes on: a page may wait for an hour', async () => {
    const [app, name] = [await registered(), await seeded('user')]
    const id = await accountOf(name)
    const browser = new Browser()
    const { verifier, challenge } = pkce()
    const start = await browser.open(authorizeUrl(app, challenge))
    const login = uidIn(start.headers.get('location'))
    const signedInAt = Math.floor(Date.now() / 1000)
    const next = await finishLogin(env, login, { accountId: id, methods: ['pwd'] })
    later(600_000)
    const resumed = await browser.open(next)
    const consent = uidIn(resumed.headers.get('location'))
    expect((await loadInteraction(env, consent))?.prompt).toBe('consent')
    later(600_000)
    const done = await browser.open(await finishConsent(env, consent))
    const code = new URL(done.headers.get('location') ?? '').searchParams.get('code') ?? ''
    const { body } = await exchange(app, { code, verifier })
    const { auth_time } = claimsOf(String(body.id_token)) as { auth_time: number }
    expect(auth_time - signedInAt).toBeLessThan(5)
  })

  it('asks for the new password where the old one was shown on a page that waited (S17)', async () => {
    const [app, name] = [await registered(), await seeded('user')]
    const id = await accountOf(name)
    const browser = new Browser()
    const { challenge } = pkce()
    const start = await browser.open(authorizeUrl(app, challenge))
    const login = uidIn(start.headers.get('location'))
    const next = await finishLogin(env, login, { accountId: id, methods: ['pwd'] })
    later(2_000)
    await changePassword(id)
    const { pages } = await throughPages(browser, await browser.open(next), name)
    expect(pages).toEqual(['login', 'consent'])
  })
})

describe('a browser session', () => {
  it('ends half a day after the sign-in, however much it is used', async () => {
    const [ours, name] = [await registered({ firstParty: true }), await seeded('user')]
    const browser = new Browser()
    await exchange(ours, await codeFor(ours, name, {}, browser))
    for (const hours of [5, 5]) {
      later(hours * 3_600_000)
      const again = await codeFor(ours, name, {}, browser)
      expect(again.pages).toEqual([])
      await exchange(ours, again)
    }
    later(2 * 3_600_000 + 60_000)
    expect((await codeFor(ours, name, {}, browser)).pages).toEqual(['login'])
  })
})

describe('what the engine keeps', () => {
  it('is forgotten with an account that is deleted, whose browser is signed in no more (S123)', async () => {
    const [app, name] = [await registered(), await seeded('user')]
    const id = await accountOf(name)
    const browser = new Browser()
    const { body } = await exchange(app, await codeFor(app, name, {}, browser))
    const { sid } = claimsOf(String(body.access_token)) as { sid: string }
    const sessionUid = (await signInDetails(env, sid))?.sessionUid ?? ''
    const sessions = new EngineAdapter(env, 'Session')
    expect((await sessions.findByUid(sessionUid))?.accountId).toBe(id)
    await eraseSessions(env, id, '')
    expect(await signInDetails(env, sid)).toBeUndefined()
    expect(await sessions.findByUid(sessionUid)).toBeUndefined()
    await eraseSessions(env, id, '')
  })

  it('is no heap where an app signs in silently at each start, and sessions end', async () => {
    const [ours, name] = [await registered({ firstParty: true }), await seeded('user')]
    const id = await accountOf(name)
    const browser = new Browser()
    const sids: string[] = []
    for (let start = 0; start < 4; start++) {
      const { body } = await exchange(ours, await codeFor(ours, name, {}, browser))
      sids.push((claimsOf(String(body.access_token)) as { sid: string }).sid)
    }
    for (const sid of sids.slice(0, 3))
      await env.USER_SESSIONS.getByName(id).revoke('system', sid, 'logout')
    await codeFor(ours, name, {}, browser)
    const uid = (await signInDetails(env, sids[3] ?? ''))?.sessionUid
    const { store } = await shardOf(env, `uid:${uid}`)
    const kept = await store.list(`Grants of ${uid}`)
    expect(kept.map(({ payload }) => JSON.parse(payload))).toEqual([sids[3]])
  })

  it('tells of one consent, however often its form is sent at once', async () => {
    const [app, name] = [await registered(), await seeded('user')]
    const browser = new Browser()
    const start = await browser.open(authorizeUrl(app, pkce().challenge))
    const login = uidIn(start.headers.get('location'))
    const next = await finishLogin(env, login, {
      accountId: await accountOf(name),
      methods: ['pwd'],
    })
    const consent = uidIn((await browser.open(next)).headers.get('location'))
    await Promise.all([1, 2, 3].map(() => finishConsent(env, consent)))
    const told = await env.DB.prepare(
      `SELECT count(*) AS count FROM outbox WHERE json_extract(body, '$.data.action') = 'consent.granted'
         AND json_extract(body, '$.data.target.id') = ?`,
    )
      .bind(app.id)
      .first<{ count: number }>()
    expect(told?.count).toBe(1)
  })
})

describe('an address that any app on a device can take', () => {
  it('gets no code unasked, though the app is said to be our own (RFC 8252 §8.6)', async () => {
    const redirect = 'com.example.app:/callback'
    const [ours, name] = [
      await registered({ firstParty: true, redirectUris: [redirect] }),
      await seeded('user'),
    ]
    const browser = new Browser()
    const first = await codeFor(ours, name, { redirect_uri: redirect }, browser)
    expect(first.pages).toEqual(['login'])
    const second = await codeFor(ours, name, { redirect_uri: redirect }, browser)
    expect(second.pages).toEqual(['consent'])
  })
})

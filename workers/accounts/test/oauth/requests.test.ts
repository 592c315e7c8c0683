import { exports } from 'cloudflare:workers'
import { beforeAll, describe, expect, it } from 'vitest'
import type { Env } from '../../src/context.ts'
import { toEngine } from '../../src/oauth/engine.ts'
import { env, seeded } from '../support/accounts.ts'
import {
  authorizeUrl,
  Browser,
  codeFor,
  exchange,
  origin,
  pkce,
  protocol,
  realm,
  redirectUri,
  registered,
  type TestClient,
  tokensOf,
} from '../support/oauth.ts'

const worker = (exports as unknown as { default: Fetcher }).default
const form = 'application/x-www-form-urlencoded'
let client: TestClient
let username = ''
beforeAll(async () => {
  client = await registered()
  username = await seeded('user')
})

const ask = (path: string, init: RequestInit = {}) =>
  worker.fetch(`http://accounts.test${path}`, { redirect: 'manual', ...init })

describe('requests that are not as they should be', () => {
  it.each([
    ['no type', {}, 'grant_type=refresh_token'],
    ['another type', { 'content-type': 'application/json' }, '{}'],
    ['nothing', { 'content-type': form }, ''],
    ['more than the engine reads', { 'content-type': form }, `a=${'x'.repeat(60_000)}`],
  ])('get OAuth’s own refusal: %s', async (_, headers, body) => {
    const bytes = new TextEncoder().encode(body)
    const answer = await ask(`${protocol}/token`, { method: 'POST', headers, body: bytes })
    expect([answer.status, ((await answer.json()) as { error: string }).error]).toEqual([
      400,
      'invalid_request',
    ])
  })

  it('get JSON at endpoints of programs, whatever those accept', async () => {
    const answer = await ask(`${protocol}/token`, {
      method: 'POST',
      headers: { 'content-type': form, accept: 'text/html, image/gif, *; q=.2, */*; q=.2' },
      body: `grant_type=refresh_token&refresh_token=x&client_id=${client.id}`,
    })
    expect([answer.status, await answer.json()]).toMatchObject([400, { error: 'invalid_grant' }])
  })

  it('find nothing by a path that is written in another way', async () => {
    for (const path of [realm.replace('m', '%6d'), `${realm}/protocol/openid-connect/%75serinfo`]) {
      const answer = await ask(`${path}/protocol/openid-connect/userinfo`)
      expect([answer.status, await answer.json()]).toMatchObject([404, { code: 'not_found' }])
    }
  })

  it('take HEAD where they take GET', async () => {
    const answer = await ask(`${realm}/.well-known/openid-configuration`, { method: 'HEAD' })
    expect([answer.status, await answer.text()]).toEqual([200, ''])
  })
})

describe('pages', () => {
  it('carry the request id, may not be framed, and stay the window that an app opened', async () => {
    const browser = new Browser()
    const start = await browser.open(authorizeUrl(client, pkce().challenge))
    const pages = [
      start,
      await browser.open(start.headers.get('location') ?? ''),
      await browser.open(`${realm}/device`),
      await browser.open(`${protocol}/auth?client_id=nobody`),
      await browser.open(`${realm}/password-reset`),
    ]
    expect(pages.map(({ status }) => status)).toEqual([303, 200, 200, 400, 200])
    for (const { headers } of pages) {
      expect(headers.get('x-request-id')).toMatch(/./)
      expect(headers.get('x-frame-options')).toBe('DENY')
      expect(headers.get('cache-control')).toContain('no-store')
      expect(headers.get('cross-origin-opener-policy')).toBe('unsafe-none')
    }
  })
})

describe('an authorization or a sign-out by a form', () => {
  it('is led on by GET, which brings the cookies (OpenID Connect Core §3.1.2.1)', async () => {
    const browser = new Browser()
    const ours = await registered({ firstParty: true })
    await exchange(ours, await codeFor(ours, username, {}, browser))
    const [path = '', query = ''] = authorizeUrl(ours, pkce().challenge).split('?')
    const led = await browser.open(path, Object.fromEntries(new URLSearchParams(query)))
    expect(led.status).toBe(303)
    const answer = await browser.open(led.headers.get('location') ?? '')
    const location = answer.headers.get('location') ?? ''
    expect(location.startsWith(`${redirectUri}?code=`)).toBe(true)
    const out = await browser.open(`${protocol}/logout`, { client_id: ours.id })
    expect([out.status, new URL(out.headers.get('location') ?? '', origin).pathname]).toEqual([
      303,
      `${protocol}/logout`,
    ])
    const page = await browser.open(out.headers.get('location') ?? '')
    expect([page.status, page.text.includes('Sign out?')]).toEqual([200, true])
  })
})

describe('a user code', () => {
  it('can be guessed thirty times a minute from one address (RFC 8628 §5.1)', async () => {
    const address = '203.0.113.77'
    const open = (body?: string, cookie = '') =>
      ask(`${realm}/device`, {
        headers: {
          accept: 'text/html',
          cookie,
          'cf-connecting-ip': address,
          ...(body === undefined ? {} : { 'content-type': form }),
        },
        ...(body === undefined ? {} : { method: 'POST', body }),
      })
    const page = await open()
    let cookie = cookiesOf(page)
    let html = await page.text()
    const seen: number[] = []
    for (let guess = 0; guess < 31; guess++) {
      const xsrf = /name="xsrf" value="([^"]+)"/.exec(html)?.[1] ?? ''
      const answer = await open(`xsrf=${xsrf}&user_code=BBBB-BBBB`, cookie)
      cookie = cookiesOf(answer) || cookie
      html = await answer.text()
      seen.push(answer.status)
      if (guess === 30) expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
    }
    expect([new Set(seen.slice(0, 30)), seen[30]]).toEqual([new Set([200]), 429])
    expect(html).toContain('Too many codes were tried')
  })
})

const cookiesOf = (answer: Response): string =>
  answer.headers
    .getSetCookie()
    .map((line) => line.split(';')[0])
    .join('; ')

describe('when a part is away', () => {
  const context = { waitUntil() {}, passThroughOnException() {} } as unknown as ExecutionContext
  const request = (path: string, body?: string) =>
    new Request(`${origin}${path}`, {
      headers: {
        traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
        ...(body === undefined ? { accept: 'text/html' } : { 'content-type': form }),
        ...(body === undefined ? {} : { 'content-length': String(body.length) }),
      },
      ...(body === undefined ? {} : { method: 'POST', body }),
    })
  const objects = (marks: object) => ({
    getByName: () =>
      new Proxy(
        {},
        {
          get: () => () => Promise.reject(Object.assign(new Error('inner words'), marks)),
        },
      ),
  })
  /** D1 that goes away once the keys are known. */
  const failing = () => {
    let away = false
    const DB = new Proxy(env.DB, {
      get(db, name) {
        if (away) throw new Error('D1_ERROR: Network connection lost.')
        const value = Reflect.get(db, name)
        return typeof value === 'function' ? value.bind(db) : value
      },
    })
    return { DB, goAway: () => (away = true) }
  }

  it('the token endpoint says so, and keeps what went wrong to itself', async () => {
    const { refresh_token } = await tokensOf(client, username)
    const refresh = `grant_type=refresh_token&refresh_token=${refresh_token}&client_id=${client.id}`
    const { DB, goAway } = failing()
    const lost = { ...env, DB } as Env
    expect(
      (await toEngine(lost, request(`${realm}/.well-known/openid-configuration`), context)).status,
    ).toBe(200)
    goAway()
    for (const away of [
      lost,
      { ...env, USER_SESSIONS: objects({ retryable: true }) },
      { ...env, OAUTH_STORE: objects({ overloaded: true }) },
    ]) {
      const answer = await toEngine(away as Env, request(`${protocol}/token`, refresh), context)
      expect([answer.status, answer.headers.get('retry-after'), await answer.json()]).toEqual([
        503,
        '1',
        { error: 'temporarily_unavailable', error_description: 'try again in a moment' },
      ])
    }
    // Nothing was used up.
    const after = await toEngine(env, request(`${protocol}/token`, refresh), context)
    expect(after.status).toBe(200)
  })

  it('a page says so, also where the browser’s session cannot be kept', async () => {
    const away = { ...env, OAUTH_STORE: objects({ retryable: true }) } as unknown as Env
    const answer = await toEngine(away, request(`${realm}/device`), context)
    const html = await answer.text()
    expect([answer.status, answer.headers.get('content-type')]).toEqual([
      503,
      'text/html; charset=utf-8',
    ])
    expect(html).toContain('try again in a moment')
    expect(html).not.toContain('inner words')
  })

  it('an app is told where it waits for its answer', async () => {
    const away = { ...env, OAUTH_STORE: objects({ retryable: true }) } as unknown as Env
    const url = authorizeUrl(client, pkce().challenge)
    const answer = await toEngine(away, request(url), context)
    expect([answer.status, await answer.text()]).toEqual([
      503,
      expect.stringContaining('try again in a moment'),
    ])
  })

  it('a fault of ours stays one, without its words', async () => {
    const broken = { ...env, OAUTH_STORE: objects({}) } as unknown as Env
    const answer = await toEngine(broken, request(`${realm}/device`), context)
    expect([answer.status, (await answer.text()).includes('inner words')]).toEqual([500, false])
  })
})

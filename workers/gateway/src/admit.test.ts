import { type AccessTokenClaims, permissions } from '@menagerie/contracts'
import { newId } from '@menagerie/core'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import type { Env } from './context.ts'
import worker from './index.ts'
import { type RouteEntry, routeTable } from './route-table.ts'

const rs256 = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }
let keys: CryptoKeyPair
let verification: object
beforeAll(async () => {
  vi.spyOn(console, 'log').mockImplementation(() => {})
  const size = { modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) }
  keys = (await crypto.subtle.generateKey({ ...rs256, ...size }, true, [
    'sign',
    'verify',
  ])) as CryptoKeyPair
  const { kty, n, e } = (await crypto.subtle.exportKey('jwk', keys.publicKey)) as JsonWebKey
  const jwk = { kty, n, e, kid: 'k1', alg: 'RS256', use: 'sig' }
  verification = { keys: [jwk], clients: ['menagerie', 'bridge', 'partner'] }
})

interface Session {
  alive: boolean
  secondFactorAt: number | null
}

/** A gateway before services that answer everything, and an owner of sessions that answers `session`. */
function gateway(session: Session) {
  const asked: string[] = []
  const forwarded: string[] = []
  const service = {
    fetch: async (url: string) => {
      if (url.endsWith('/internal/verification')) return Response.json(verification)
      forwarded.push(url)
      return Response.json({ data: {} })
    },
  }
  const limit = { limit: async () => ({ success: true }) }
  const env = {
    ENVIRONMENT: 'test',
    PUBLIC_URL: 'https://api.example.com',
    REALM: 'menagerie',
    CLIENT_ID: 'menagerie',
    LOG_LEVEL: 'error',
    SCRAPE_TOKEN: 'a token for scrapers',
    ...Object.fromEntries(
      ['ACCOUNTS', 'COMMUNICATIONS', 'DEVICES', 'NOTIFICATIONS', 'REPORTS', 'ADMIN'].map((name) => [
        name,
        service,
      ]),
    ),
    USER_SESSIONS: {
      getByName: (id: string) => ({
        check: async (sid: string, issuedAt: number) => {
          asked.push(`${id} ${sid} ${issuedAt}`)
          return session
        },
      }),
    },
    RATE_LIMIT_AUTH: limit,
    RATE_LIMIT_API: limit,
    RATE_LIMIT_WEBHOOK: limit,
  } as unknown as Env
  const context = { waitUntil() {}, passThroughOnException() {} } as unknown as ExecutionContext
  const send = async (path: string, token: string, init: RequestInit = {}) =>
    worker.fetch(
      new Request(`https://api.example.com${path}`, {
        ...init,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      }),
      env,
      context,
    )
  return { asked, forwarded, send }
}

const base64url = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64url')
const utf8 = (text: string) => new TextEncoder().encode(text)

async function signed(claims: object): Promise<string> {
  const [header, payload] = [{ alg: 'RS256', kid: 'k1' }, claims].map((part) =>
    base64url(utf8(JSON.stringify(part))),
  )
  const text = `${header}.${payload}`
  const signature = await crypto.subtle.sign(rs256, keys.privateKey, utf8(text))
  return `${text}.${base64url(new Uint8Array(signature))}`
}

const token = (changes: Partial<AccessTokenClaims> = {}) => {
  const sid = newId()
  const now = Math.floor(Date.now() / 1000)
  return signed({
    exp: now + 900,
    iat: now,
    jti: newId(),
    iss: 'https://api.example.com/auth/realms/menagerie',
    sub: newId(),
    typ: 'Bearer',
    azp: 'menagerie',
    session_state: sid,
    acr: '1',
    resource_access: { [changes.azp ?? 'menagerie']: { roles: ['admin'] } },
    scope: 'email profile',
    sid,
    email_verified: true,
    preferred_username: '+12025550101',
    permissions: [...permissions],
    ...changes,
  })
}

const alive: Session = { alive: true, secondFactorAt: null }
const over: Session = { alive: false, secondFactorAt: null }

/** A request of a route that a test may send. */
const requestOf = (entry: RouteEntry): [string, RequestInit] => {
  const [method = 'GET'] = entry.methods
  const path = entry.pattern.replaceAll(/\{[^}]+\}/g, newId())
  return [path, { method, ...(method === 'GET' || method === 'DELETE' ? {} : { body: '{}' }) }]
}

describe('a session', () => {
  it('is asked for at every request of a critical route, and once in ten seconds of others', async () => {
    const { asked, send } = gateway(alive)
    const bearer = await token()
    for (let i = 0; i < 3; i++) await send('/users/profile', bearer)
    expect(asked).toHaveLength(1)
    for (let i = 0; i < 3; i++) await send('/users/profile/sessions', bearer)
    expect(asked).toHaveLength(4)
  })

  it('that is over is refused, of people and of clients that act for themselves (S16, S17)', async () => {
    const client = {
      azp: 'partner',
      preferred_username: 'service-account-partner',
    }
    for (const claims of [{}, client]) {
      const { forwarded, send } = gateway(over)
      const answer = await send('/users/list', await token(claims))
      expect([answer.status, forwarded]).toEqual([401, []])
      expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer/)
    }
  })
})

describe('routes that ask for a second factor', () => {
  const stepUpRoutes = routeTable.filter((entry) => entry.stepUp)

  it('let nobody through without one of the last five minutes, and say what to do', async () => {
    expect(stepUpRoutes.length).toBeGreaterThan(0)
    const minutesAgo = (minutes: number) => ({
      alive: true,
      secondFactorAt: Date.now() - minutes * 60_000,
    })
    for (const entry of stepUpRoutes) {
      for (const [session, acr, status] of [
        [alive, '2', 403],
        [minutesAgo(6), '2', 403],
        [minutesAgo(1), '1', 403],
        [minutesAgo(1), '2', 200],
      ] as const) {
        const { forwarded, send } = gateway(session)
        const answer = await send(requestOf(entry)[0], await token({ acr }), requestOf(entry)[1])
        expect([entry.pattern, acr, answer.status]).toEqual([entry.pattern, acr, status])
        expect(forwarded).toHaveLength(status === 200 ? 1 : 0)
        if (status === 403)
          expect(await answer.json()).toMatchObject({
            code: 'step_up_required',
            maxAgeSeconds: 300,
            detail: expect.stringContaining('/auth/step-up'),
          })
      }
    }
  })

  it('ask for the session at every request', async () => {
    const [entry] = stepUpRoutes
    if (entry === undefined) throw new Error('unreachable')
    const { asked, send } = gateway({ alive: true, secondFactorAt: Date.now() })
    const bearer = await token({ acr: '2' })
    for (let i = 0; i < 3; i++) await send(requestOf(entry)[0], bearer, requestOf(entry)[1])
    expect(asked).toHaveLength(3)
  })
})

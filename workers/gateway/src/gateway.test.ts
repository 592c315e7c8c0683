import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Env } from './context.ts'
import worker from './index.ts'
import { routeTable } from './route-table.ts'

const lines: Record<string, unknown>[] = []
beforeEach(() => {
  lines.length = 0
  vi.spyOn(console, 'log').mockImplementation((text) => lines.push(JSON.parse(String(text))))
})
afterEach(() => vi.restoreAllMocks())

/** A gateway before an accounts that notes what reaches it; `units` is what each rate limit lets through. */
function gateway(settings: Partial<Env> = {}, units = Number.POSITIVE_INFINITY) {
  const arrived: Request[] = []
  const asked: string[] = []
  const limit: RateLimit = {
    limit: async ({ key }) => ({ success: asked.push(key) <= units }),
  }
  const ACCOUNTS = {
    fetch: async (url: string, init?: RequestInit) => {
      arrived.push(new Request(url, init))
      return url.endsWith('/certs') ? Response.json({ keys: [] }) : Response.json({ data: {} })
    },
  }
  const env = {
    ENVIRONMENT: 'test',
    PUBLIC_URL: 'https://api.example.com',
    REALM: 'menagerie',
    CLIENT_ID: 'menagerie',
    SCRAPE_TOKEN: 'a token for scrapers',
    ACCOUNTS,
    RATE_LIMIT_AUTH: limit,
    RATE_LIMIT_API: limit,
    RATE_LIMIT_WEBHOOK: limit,
    ...settings,
  } as unknown as Env
  const context = { waitUntil() {}, passThroughOnException() {} } as unknown as ExecutionContext
  const send = async (path: string, init?: RequestInit) =>
    worker.fetch(new Request(`https://api.example.com${path}`, init), env, context)
  return { send, arrived, asked, env }
}

const login = (body = '{}', headers: Record<string, string> = {}): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json', ...headers },
  body,
})

describe('forwarding', () => {
  it.each(['/auth/login', '/v1/auth/login', '/%76%31/auth/login', '/v1/%61uth/login'])(
    'hands %s to its service without the prefix',
    async (path) => {
      const { send, arrived } = gateway()
      expect((await send(`${path}?a=%2F`, login())).status).toBe(200)
      const url = new URL(arrived[0]?.url ?? '')
      expect([url.origin, decodeURI(url.pathname), url.search]).toEqual([
        'https://api.example.com',
        '/auth/login',
        '?a=%2F',
      ])
    },
  )

  it('hands on the trace under a span of its own, and nothing nobody outside may claim', async () => {
    const { send, arrived } = gateway()
    const traceId = '0af7651916cd43dd8448eb211c80319c'
    await send(
      '/auth/login',
      login('{}', {
        traceparent: `00-${traceId}-b7ad6b7169203331-01`,
        'x-user-id': 'someone',
        'x-service-name': 'admin',
        'x-forwarded-host': 'evil.example',
        'x-menagerie-principal': 'someone',
        forwarded: 'host=evil.example',
      }),
    )
    const headers = arrived[0]?.headers
    expect(headers?.get('traceparent')).toMatch(`00-${traceId}-`)
    expect(headers?.get('traceparent')).not.toContain('b7ad6b7169203331')
    expect([...(headers?.keys() ?? [])].sort()).toEqual([
      'content-type',
      'traceparent',
      'x-request-id',
    ])
    expect(lines.at(-1)).toMatchObject({ traceId, route: '/auth/login', status: 200 })
  })
})

describe('limits', () => {
  it('counts a caller whose token is no good by address, so that guessing has an end', async () => {
    const { send, asked } = gateway({}, 1)
    const guess = () =>
      send('/users/profile', {
        headers: { authorization: 'Bearer a.b.c', 'cf-connecting-ip': '192.0.2.1' },
      })
    const statuses = []
    for (let i = 0; i < 201; i++) statuses.push((await guess()).status)
    expect([
      statuses.slice(0, 199).every((status) => status === 401),
      ...statuses.slice(199),
    ]).toEqual([true, 429, 429])
    expect(asked).toEqual(['192.0.2.1', '192.0.2.1'])
  })
})

describe('what the broker asks', () => {
  const ask = (body = '{"username":"d1"}'): RequestInit => ({
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: 'Bearer the brokers secret',
    },
    body,
  })

  it.each(['/devices/bridge/auth', '/v1/devices/bridge/acl'])(
    'reaches devices at %s with its secret, uncounted: devices checks it',
    async (path) => {
      const arrived: Request[] = []
      const DEVICES = {
        fetch: async (url: string, init?: RequestInit) => {
          arrived.push(new Request(url, init))
          return Response.json({ data: {} })
        },
      } as unknown as Fetcher
      const { send, asked } = gateway({ DEVICES }, 0)
      expect((await send(path, ask())).status).toBe(200)
      const [request] = arrived
      expect(new URL(request?.url ?? '').pathname).toBe(path.replace('/v1', ''))
      expect(request?.headers.get('authorization')).toBe('Bearer the brokers secret')
      expect([await request?.text(), asked]).toEqual(['{"username":"d1"}', []])
    },
  )

  it('refuses a batch of messages without a token, and takes one of a megabyte at most', async () => {
    const { send } = gateway()
    const batch = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' }
    expect((await send('/devices/bridge/messages', batch)).status).toBe(401)
    expect(
      routeTable.find(({ pattern }) => pattern === '/devices/bridge/messages')?.bodyLimitBytes,
    ).toBe(1_000_000)
  })
})

describe('other answers', () => {
  it('names HEAD beside GET in Allow (RFC 9110 §9.3.2)', async () => {
    const { send } = gateway()
    const answer = async (path: string) =>
      (await send(path, { method: 'DELETE' })).headers.get('allow')
    expect([await answer('/v1/reports/summary'), await answer('/auth/login')]).toEqual([
      'GET, HEAD',
      'POST',
    ])
  })

  it('names a malformed CORS_ORIGINS instead of failing each page, and takes an empty one', async () => {
    const origin = { headers: { origin: 'https://app.example.com' } }
    const bad = await gateway({ CORS_ORIGINS: 'app.example.com' }).send('/health/live', origin)
    expect(bad.status).toBe(503)
    expect(JSON.stringify(lines)).toContain('CORS_ORIGINS')
    const empty = await gateway({ CORS_ORIGINS: '' }).send('/health/live', origin)
    expect([empty.status, empty.headers.get('access-control-allow-origin')]).toEqual([200, null])
    const given = gateway({ CORS_ORIGINS: 'https://other.example.com, https://app.example.com' })
    const good = await given.send('/health/live', origin)
    expect(good.headers.get('access-control-allow-origin')).toBe('https://app.example.com')
  })
})

describe('health', () => {
  it('says which part of which service is down, under one trace', async () => {
    const seen: (string | null)[] = []
    const answering = (status: number, details: object) =>
      ({
        fetch: async (url: string, init?: RequestInit) => {
          seen.push(new Request(url, init).headers.get('x-request-id'))
          return Response.json({ details }, { status })
        },
      }) as unknown as Fetcher
    const up = answering(200, {})
    const { send } = gateway({
      ACCOUNTS: answering(503, { database: { status: 'down', latencyMs: 1 } }),
      COMMUNICATIONS: up,
      DEVICES: up,
      NOTIFICATIONS: up,
      REPORTS: up,
      ADMIN: { fetch: () => Promise.reject(new Error('secret cause')) } as unknown as Fetcher,
      METRICS_HUB: {
        getByName: () => ({ render: async () => '' }),
      } as unknown as Env['METRICS_HUB'],
    })
    const response = await send('/health', { headers: { 'x-request-id': 'one' } })
    const text = await response.text()
    expect([response.status, text.includes('secret')]).toEqual([503, false])
    const { status, info, error } = JSON.parse(text)
    expect(status).toBe('error')
    expect(Object.keys(error)).toEqual(['accounts', 'admin'])
    expect(error.accounts.details.database.status).toBe('down')
    expect(Object.keys(info)).toHaveLength(5)
    expect(seen).toEqual(Array.from({ length: 5 }, () => 'one'))
  })
})

describe('revocations', () => {
  const traceId = '0af7651916cd43dd8448eb211c80319c'
  const id = '019aa5b8-7c00-7000-8000-000000000001'
  const revoked = (sockets: object[]) => ({
    specversion: '1.0',
    id: `user-sessions/${id}:3`,
    source: `/users/${id}/sessions`,
    type: 'session.revoked.v1',
    subject: `/users/${id}/sessions/${id}`,
    time: '2026-11-21T10:00:00.000Z',
    datacontenttype: 'application/json',
    traceparent: `00-${traceId}-b7ad6b7169203331-01`,
    data: { userId: id, sessionId: id, reason: 'logout', sockets },
  })
  const consume = async (body: object, env: Env) => {
    const message = { id: 'm1', attempts: 1, body, ack: vi.fn(), retry: vi.fn() }
    await worker.queue({ messages: [message] } as unknown as MessageBatch, env)
    return message
  }

  it('of access tokens alone close the sockets too: what those may do has changed', async () => {
    const told: string[] = []
    const CALL_ROOM = {
      getByName: () => ({ closeSession: async (sessionId: string) => told.push(sessionId) }),
    }
    const { reason: _, ...data } = revoked([{ class: 'CallRoom', name: 'c1' }]).data
    const body = { ...revoked([]), type: 'session.tokens-expired.v1', data }
    const { env } = gateway({ CALL_ROOM } as unknown as Partial<Env>)
    expect((await consume(body, env)).ack).toHaveBeenCalledOnce()
    expect(told).toEqual([id])
  })

  it('are consumed under the trace that caused them', async () => {
    const { env } = gateway()
    const body = revoked([])
    expect((await consume(body, env)).ack).toHaveBeenCalledOnce()
    expect(lines[0]).toMatchObject({ message: 'message', traceId, eventId: body.id })
  })

  it('reach each object by its class, and come again when one of them does not answer', async () => {
    const told: string[] = []
    const holders = (name: string, answers = true) => ({
      getByName: (object: string) => ({
        closeSession: async (sessionId: string) => {
          if (!answers) throw new Error('the object is away')
          told.push(`${name} ${object} ${sessionId}`)
        },
      }),
    })
    const body = revoked([
      { class: 'CallRoom', name: 'c1' },
      { class: 'DeviceTwin', name: 'd1' },
      { class: 'Mailbox', name: 'm1' },
    ])
    const settings = {
      CALL_ROOM: holders('CallRoom'),
      DEVICE_TWIN: holders('DeviceTwin'),
      MAILBOX: holders('Mailbox'),
    } as unknown as Partial<Env>
    expect((await consume(body, gateway(settings).env)).ack).toHaveBeenCalledOnce()
    expect(told).toEqual([`CallRoom c1 ${id}`, `DeviceTwin d1 ${id}`, `Mailbox m1 ${id}`])
    const away = { ...settings, MAILBOX: holders('Mailbox', false) } as unknown as Partial<Env>
    const message = await consume(body, gateway(away).env)
    expect([message.ack.mock.calls.length, message.retry.mock.calls.length]).toEqual([0, 1])
  })
})

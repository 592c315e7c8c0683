import { describe, expect, it } from 'vitest'
import worker from './index.ts'

interface Seen {
  url: string
  headers: Headers
  signal: boolean
}

/** The gateway with one service that does what it is told; the platform's parts are the smallest that answer. */
function gateway(answers: (() => Response | Promise<Response>)[], settings: object = {}) {
  const seen: Seen[] = []
  const service = {
    fetch: async (url: string, init: RequestInit) => {
      seen.push({
        url,
        headers: new Headers(init.headers as HeadersInit),
        signal: init.signal != null,
      })
      const next = answers[Math.min(seen.length, answers.length) - 1]
      if (!next) throw new Error('no answer')
      return next()
    },
  }
  const limit = { limit: async () => ({ success: true }) }
  const env = {
    ENVIRONMENT: 'test',
    PUBLIC_URL: 'https://api.example.com',
    REALM: 'menagerie',
    CLIENT_ID: 'menagerie',
    LOG_LEVEL: 'error',
    SCRAPE_TOKEN: 'a scrape token of length',
    ACCOUNTS: service,
    COMMUNICATIONS: service,
    RATE_LIMIT_AUTH: limit,
    RATE_LIMIT_API: limit,
    RATE_LIMIT_WEBHOOK: limit,
    ...settings,
  }
  const certs = '/auth/realms/menagerie/protocol/openid-connect/certs'
  const context = { waitUntil: () => {}, passThroughOnException: () => {} }
  const fetch = (path = certs, init: RequestInit = {}) =>
    worker.fetch(new Request(`https://evil.example${path}`, init), env as never, context as never)
  return { seen, fetch, certs }
}

const down = () => Promise.reject(new Error('the service is gone'))
const fine = () => Response.json({ keys: [] })

describe('forwarding', () => {
  it('tries a GET again, once, and says 503 with Retry-After when the service stays away (B58)', async () => {
    const once = gateway([down, fine])
    expect((await once.fetch()).status).toBe(200)
    expect(once.seen).toHaveLength(2)

    const never = gateway([down])
    const answer = await never.fetch()
    expect(answer.status).toBe(503)
    expect(answer.headers.get('retry-after')).toBe('1')
    expect(never.seen).toHaveLength(2)
  })

  it('tries a POST again only under an idempotency key', async () => {
    const body = { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } }
    const bare = gateway([down])
    await bare.fetch('/users/register', body)
    expect(bare.seen).toHaveLength(1)
    const keyed = gateway([down])
    await keyed.fetch('/users/register', {
      ...body,
      headers: { ...body.headers, 'idempotency-key': 'k' },
    })
    expect(keyed.seen).toHaveLength(2)
  })

  it('builds the address from PUBLIC_URL, without /v1, and never from the Host header', async () => {
    const { seen, fetch, certs } = gateway([fine])
    await fetch(`/v1${certs}?a=1`)
    expect(seen[0]?.url).toBe(`https://api.example.com${certs}?a=1`)
  })

  it('strips what nobody outside may claim, and adds request id and trace (S62)', async () => {
    const { seen, fetch, certs } = gateway([fine])
    await fetch(certs, {
      headers: {
        'x-user-id': 'root',
        'x-username': 'root',
        'x-service-name': 'accounts',
        'x-forwarded-host': 'evil.example',
        forwarded: 'host=evil.example',
        'x-internal-call': '1',
        'x-request-id': 'mine-1',
        traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
        accept: 'application/json',
      },
    })
    const names = [...(seen[0]?.headers.keys() ?? [])]
    expect(
      names.filter((name) => /^(x-user|x-service|x-internal|x-forwarded|forwarded)/.test(name)),
    ).toEqual([])
    expect(seen[0]?.headers.get('x-request-id')).toBe('mine-1')
    expect(seen[0]?.headers.get('traceparent')).toMatch(/^00-0af7651916cd43dd8448eb211c80319c-/)
    expect(seen[0]?.headers.get('accept')).toBe('application/json')
  })

  it('hands on where a request comes from as the platform says it, and nothing that a client adds (S49)', async () => {
    const { seen, fetch, certs } = gateway([fine])
    await fetch(certs, {
      headers: {
        'cf-connecting-ip': '203.0.113.9',
        'x-forwarded-for': '10.0.0.1',
        'x-real-ip': '10.0.0.1',
        'true-client-ip': '10.0.0.1',
        'cf-connecting-ipv6': '::1',
        'x-client-ip': '10.0.0.1',
      },
    })
    const told = [...(seen[0]?.headers ?? [])].filter(([, value]) => /^[\d.:]+$/.test(value))
    expect(told).toEqual([['cf-connecting-ip', '203.0.113.9']])
  })

  it('does not take the word of a client of the development server, which nobody corrects (S49)', async () => {
    const { seen, fetch, certs } = gateway([fine], { ENVIRONMENT: 'development' })
    for (const address of ['203.0.113.9', '203.0.113.10'])
      await fetch(certs, { headers: { 'cf-connecting-ip': address } })
    const told = seen.map(({ headers }) => headers.get('cf-connecting-ip'))
    expect(told).toEqual(['127.0.0.1', '127.0.0.1'])
  })

  it('shows cookies to accounts alone', async () => {
    const { seen, fetch, certs } = gateway([fine])
    const headers = { cookie: '__Host-session=secret' }
    await fetch(certs, { headers })
    await fetch('/webhooks/twilio/voice', {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/x-www-form-urlencoded' },
      body: 'a=1',
    })
    expect(seen.map((one) => one.headers.get('cookie'))).toEqual(['__Host-session=secret', null])
  })

  it('puts the security headers on every answer, also on errors (S82)', async () => {
    for (const path of [undefined, '/no/such/path', '/users/profile']) {
      const answer = await gateway([fine]).fetch(path, {
        headers: { origin: 'https://api.example.com' },
      })
      expect(answer.headers.get('x-frame-options')).toBe('DENY')
      expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
      expect(answer.headers.get('content-security-policy')).toMatch(/default-src 'none'/)
      expect(answer.headers.get('strict-transport-security')).toMatch(/max-age/)
      expect(answer.headers.get('cache-control')).toBe('no-store')
      expect(answer.headers.get('x-request-id')).toBeTruthy()
    }
  })

  it('lets pages of allowed origins alone call it (S81)', async () => {
    const { fetch, certs } = gateway([fine])
    const from = async (origin: string) =>
      (await fetch(certs, { headers: { origin } })).headers.get('access-control-allow-origin')
    expect(await from('https://api.example.com')).toBe('https://api.example.com')
    for (const origin of [
      'null',
      'https://evil.com',
      'https://api.example.com.evil.com',
      'http://api.example.com',
    ]) {
      expect(await from(origin)).toBeNull()
    }
  })

  it('reads a refused body to its end before it answers, so that the answer arrives', async () => {
    const { fetch, seen } = gateway([fine])
    let sent = 0
    const body = new ReadableStream({
      pull(stream) {
        stream.enqueue(new Uint8Array(10_000))
        sent += 10_000
        if (sent === 100_000) stream.close()
      },
    })
    const answer = await fetch('/users/register', {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-length': '100000' },
      body,
      duplex: 'half',
    } as RequestInit)
    expect([answer.status, sent, seen.length]).toEqual([413, 100_000, 0])
  })

  it('reads at most what the route takes, whatever the length says (S72)', async () => {
    const { fetch, seen } = gateway([fine])
    const endless = new ReadableStream({
      pull: (stream) => stream.enqueue(new Uint8Array(16_384).fill(97)),
    })
    const answer = await fetch('/users/register', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: endless,
      duplex: 'half',
    } as RequestInit)
    expect(answer.status).toBe(413)
    expect(seen).toHaveLength(0)
  })
})

import { auth, calls, operations, users } from '@menagerie/contracts/routes'
import { expect, test } from 'vitest'
import { ApiError, retryAfterSeconds } from './api-error.ts'
import { createClient } from './client.ts'

const id = '019aa5b8-7c00-7000-8000-000000000001'

/** Answers in turn and keeps what was asked. */
function answering(...responses: (() => Response)[]) {
  const asked: Request[] = []
  const fetch: typeof globalThis.fetch = async (input, init) => {
    asked.push(new Request(input, init))
    return (responses[asked.length - 1] ?? (() => new Response('{}')))()
  }
  return { asked, fetch }
}
const json = (body: unknown, status = 200, headers: Record<string, string> = {}) =>
  new Response(status === 204 ? null : JSON.stringify(body), {
    status,
    headers: { 'content-type': 'application/json', ...headers },
  })
const problem = (status: number, code: string, headers: Record<string, string> = {}) =>
  json(
    {
      type: 'about:blank',
      title: 'No',
      status,
      detail: 'Not now',
      instance: '/x',
      code,
      requestId: 'r1',
    },
    status,
    { 'content-type': 'application/problem+json', ...headers },
  )
const baseUrl = 'http://api.test/'

test('a call fills the path, the query and the body as its route declares them', async () => {
  const { asked, fetch } = answering(
    () => json({ data: [], meta: { requestId: 'r' } }),
    () => json({ data: {}, meta: { requestId: 'r' } }, 201),
  )
  const client = createClient({ baseUrl, token: 'secret', fetch })

  await client.call(calls.events, { params: { id }, query: { afterSeq: 3, limit: undefined } })
  await client.call(calls.start, { body: { to: '+12025550101' }, idempotencyKey: 'k1' })

  expect(asked[0]?.url).toBe(`http://api.test/calls/${id}/events?afterSeq=3`)
  expect(asked[0]?.method).toBe('GET')
  expect(asked[0]?.headers.get('authorization')).toBe('Bearer secret')
  expect(asked[1]?.method).toBe('POST')
  expect(asked[1]?.headers.get('idempotency-key')).toBe('k1')
  expect(await asked[1]?.json()).toEqual({ to: '+12025550101' })
})

test('a param can not lead to another path', async () => {
  const client = createClient({ baseUrl, fetch: answering().fetch })
  await expect(client.call(calls.get, { params: { id: '..' } })).rejects.toThrow(TypeError)
  await expect(client.call(calls.get, { params: { id: '' } })).rejects.toThrow(TypeError)

  const { asked, fetch } = answering()
  await createClient({ baseUrl, fetch }).call(calls.get, { params: { id: 'a/b?c' } })
  expect(asked[0]?.url).toBe('http://api.test/calls/a%2Fb%3Fc')
})

test('an empty answer is undefined and a text answer is a text', async () => {
  const { fetch } = answering(
    () => json(undefined, 204),
    () => new Response('up 1\n', { headers: { 'content-type': 'text/plain; version=0.0.4' } }),
  )
  const client = createClient({ baseUrl, token: async () => 'secret', fetch })
  expect(await client.call(auth.logout)).toBeUndefined()
  expect(await client.call(operations.metrics)).toBe('up 1\n')
})

test('a public route is called without the token', async () => {
  const { asked, fetch } = answering()
  const client = createClient({ baseUrl, token: 'old', fetch })
  await client.call(auth.login, { body: { username: 'ada', password: 'x' } })
  expect(asked[0]?.headers.has('authorization')).toBe(false)
})

test('any other answer throws its problem, with Retry-After in seconds', async () => {
  const { fetch } = answering(() => problem(429, 'too_many_requests', { 'retry-after': '7' }))
  const error = await createClient({ baseUrl, fetch })
    .call(users.profile)
    .catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(ApiError)
  expect(error).toMatchObject({
    code: 'too_many_requests',
    status: 429,
    detail: 'Not now',
    requestId: 'r1',
    errors: [],
    retryAfterSeconds: 7,
    retry: true,
  })
})

test('a failure without a problem document is told as the closest code', async () => {
  const { fetch } = answering(
    () => new Response('<html>', { status: 502, headers: { 'x-request-id': 'r9' } }),
    () => new Response('', { status: 418 }),
  )
  const client = createClient({ baseUrl, fetch })
  await expect(client.call(users.profile)).rejects.toMatchObject({
    code: 'upstream_failed',
    requestId: 'r9',
  })
  await expect(client.call(users.profile)).rejects.toMatchObject({
    code: 'invalid_request',
    status: 418,
  })
})

test('a refused token is renewed once and the request repeated', async () => {
  const { asked, fetch } = answering(
    () => problem(401, 'unauthorized'),
    () => json({ data: {}, meta: { requestId: 'r' } }),
  )
  const token = { token: () => 'old', renew: async () => 'new' }
  await createClient({ baseUrl, token, fetch }).call(users.profile)
  expect(asked.map((request) => request.headers.get('authorization'))).toEqual([
    'Bearer old',
    'Bearer new',
  ])
})

test('a token refused twice, and a 401 that is not about the token, are thrown', async () => {
  const twice = answering(
    () => problem(401, 'unauthorized'),
    () => problem(401, 'unauthorized'),
  )
  const token = { token: () => 'old', renew: async () => 'new' }
  await expect(
    createClient({ baseUrl, token, fetch: twice.fetch }).call(users.profile),
  ).rejects.toMatchObject({ code: 'unauthorized' })
  expect(twice.asked).toHaveLength(2)

  const mfa = answering(() => problem(401, 'mfa_required'))
  await expect(
    createClient({ baseUrl, token, fetch: mfa.fetch }).call(users.profile),
  ).rejects.toMatchObject({ code: 'mfa_required' })
  expect(mfa.asked).toHaveLength(1)
})

test('an aborted call rejects', async () => {
  const controller = new AbortController()
  controller.abort()
  const client = createClient({ baseUrl: 'http://127.0.0.1:1' })
  await expect(client.call(users.profile, { signal: controller.signal })).rejects.toThrow('abort')
})

test('Retry-After may be seconds or a date (RFC 9110 §10.2.3)', () => {
  const now = Date.parse('2026-11-21T10:00:00Z')
  expect(retryAfterSeconds('120', now)).toBe(120)
  expect(retryAfterSeconds('Sat, 21 Nov 2026 10:00:30 GMT', now)).toBe(30)
  expect(retryAfterSeconds('Sat, 21 Nov 2026 09:00:00 GMT', now)).toBe(0)
  expect(retryAfterSeconds('soon', now)).toBeUndefined()
  expect(retryAfterSeconds(null, now)).toBeUndefined()
})

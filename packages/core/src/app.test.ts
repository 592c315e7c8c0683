import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { z } from 'zod'
import { type AppEnv, createApp } from './app.ts'
import { AppError } from './app-error.ts'
import { envValidator } from './env.ts'

const lines: Record<string, unknown>[] = []
beforeEach(() => {
  lines.length = 0
  vi.spyOn(console, 'log').mockImplementation((text) => lines.push(JSON.parse(String(text))))
})
afterEach(() => vi.restoreAllMocks())

it('tells in its line which setting is missing, and answers 503 without naming it (S121)', async () => {
  const env = envValidator(z.object({ CURSOR_KEY: z.string() }))
  const app = createApp<AppEnv>({ service: 'admin', env })
  app.get('/thing', (c) => c.json({}))
  const response = await app.request('/thing', {}, {})
  expect([response.status, response.headers.get('x-request-id')]).toEqual([
    503,
    lines[0]?.requestId,
  ])
  expect(await response.text()).not.toContain('CURSOR_KEY')
  expect(lines).toHaveLength(1)
  expect(lines[0]).toMatchObject({ level: 'error', status: 503, errorCode: 'unavailable' })
  expect(JSON.stringify(lines[0])).toContain('CURSOR_KEY')
})

it.each([
  ['overloaded', { overloaded: true, retryable: true }, 'overloaded'],
  ['away', { retryable: true, remote: true }, 'unavailable'],
  ['broken', { remote: true }, 'internal_error'],
])(
  'answers for an object that is %s with the code that says whether to try again',
  async (_, marks, code) => {
    const app = createApp<AppEnv>({ service: 'accounts' })
    app.get('/thing', () => {
      throw Object.assign(new Error('from the platform'), marks)
    })
    const response = await app.request('/thing', {}, {})
    expect(await response.json()).toMatchObject({ code, status: response.status })
    expect(lines[0]).toMatchObject({ level: 'error', errorCode: code })
    expect(JSON.stringify(lines[0])).toContain('from the platform')
  },
)

it('says with 429 when to come again, in Retry-After and RateLimit (contract §1)', async () => {
  const app = createApp<AppEnv>({ service: 'accounts' })
  app.get('/thing', () => {
    throw new AppError('too_many_requests', 'Wait', { retryAfterSeconds: 60 })
  })
  const { headers } = await app.request('/thing', {}, {})
  expect([headers.get('retry-after'), headers.get('ratelimit')]).toEqual([
    '60',
    '"default";r=0;t=60',
  ])
})

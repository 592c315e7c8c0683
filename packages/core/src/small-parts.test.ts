import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { serviceTokens } from './auth/service-tokens.ts'
import { systemClock } from './clock.ts'
import { readCursor, signCursor } from './cursor.ts'
import { envValidator } from './env.ts'
import { eventRows, makeEvent } from './events/make-event.ts'
import { checkHealth } from './health.ts'
import { idFromKey, newId, randomToken } from './ids.ts'
import { secretsEqual } from './secret-compare.ts'
import { continueTrace, toTraceparent } from './trace.ts'

describe('ids', () => {
  it('makes UUIDv7 that sort by time, and one UUIDv8 for one idempotency key (RFC 9562)', async () => {
    expect(newId()).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    const id = await idFromKey('user', '/calls/start', 'key')
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    expect(await idFromKey('user', '/calls/start', 'key')).toBe(id)
    expect(await idFromKey('user', '/calls/startk', 'ey')).not.toBe(id)
    expect(randomToken()).toMatch(/^[\w-]{43}$/)
  })
})

describe('trace context (W3C)', () => {
  it('goes on with a good traceparent under a span of its own', () => {
    const given = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00'
    const trace = continueTrace(given)
    expect(trace.traceId).toBe('0af7651916cd43dd8448eb211c80319c')
    expect(trace.spanId).not.toBe('b7ad6b7169203331')
    expect(toTraceparent(trace)).toMatch(/^00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-00$/)
  })

  it.each([
    undefined,
    '',
    'x',
    '00-00000000000000000000000000000000-b7ad6b7169203331-01',
    '01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  ])('starts anew for %j', (given) => {
    expect(toTraceparent(continueTrace(given))).toMatch(
      /^00-(?!0{32})[0-9a-f]{32}-[0-9a-f]{16}-01$/,
    )
  })
})

describe('cursors (S64)', () => {
  const secret = 'a secret of sixteen'
  it('come back as they were', async () => {
    expect(await readCursor(secret, 'scope', await signCursor(secret, 'scope', ['a', 1]))).toEqual([
      'a',
      1,
    ])
  })

  it('are refused in another list, under another key, and when a byte was changed', async () => {
    const cursor = await signCursor(secret, 'mine', ['a', 1])
    for (const [key, scope, text] of [
      [secret, 'yours', cursor],
      ['another secret 16', 'mine', cursor],
      [secret, 'mine', `${cursor}x`],
      [secret, 'mine', cursor.replace(/^./, 'X')],
      [secret, 'mine', 'bm90IGpzb24.abc'],
      [secret, 'mine', '%%%.%%%'],
      [secret, 'mine', ''],
    ] as const) {
      await expect(readCursor(key, scope, text)).rejects.toMatchObject({
        code: 'validation_failed',
      })
    }
  })
})

describe('settings (S121)', () => {
  it('names every missing one and never a value', () => {
    const read = envValidator(z.object({ SCRAPE_TOKEN: z.string().min(16), REALM: z.string() }))
    expect(() => read({ SCRAPE_TOKEN: 'short-secret' })).toThrow(/SCRAPE_TOKEN.*REALM/)
    expect(() => read({ SCRAPE_TOKEN: 'short-secret' })).not.toThrow(/short-secret/)
  })
})

describe('health (A5)', () => {
  it('shows each dependency with state and latency, and hides why it is down', async () => {
    let now = 0
    const health = await checkHealth(
      {
        good: async () => {
          now += 7
          return { rows: 1 }
        },
        bad: () => Promise.reject(new Error('password=secret')),
        told: async () => ({ status: 'down', details: { database: { status: 'down' } } }),
      },
      '1.2.3',
      () => now,
    )
    expect(health).toMatchObject({
      status: 'error',
      version: '1.2.3',
      info: { good: { status: 'up', latencyMs: 7, rows: 1 } },
    })
    expect(health.error).toHaveProperty('bad.status', 'down')
    expect(health.error).toHaveProperty('told.details.database.status', 'down')
    expect(Object.keys(health.info)).toEqual(['good'])
    expect(JSON.stringify(health)).not.toContain('secret')
  })
})

describe('service tokens', () => {
  it('are minted once for a receiver and again a minute before they end', async () => {
    let now = 0
    const minted: string[] = []
    const tokenFor = serviceTokens(
      {
        mint: async (audience) => ({
          token: `${audience}-${minted.push(audience)}`,
          expiresAt: now + 300_000,
        }),
      },
      () => now,
    )
    expect([await tokenFor('a'), await tokenFor('a'), await tokenFor('b')]).toEqual([
      'a-1',
      'a-1',
      'b-2',
    ])
    now = 240_001
    expect(await tokenFor('a')).toBe('a-3')
  })
})

describe('events', () => {
  it('make one row for each queue of their type, all with the id of the event', () => {
    const event = makeEvent({
      type: 'session.revoked.v1',
      id: 'users/1:4',
      source: '/users/1',
      subject: '1',
      at: 0,
      data: { userId: newId(), sessionId: newId(), reason: 'logout', sockets: [] },
    })
    const rows = eventRows(event)
    expect(rows.map((row) => row.id)).toEqual(['users/1:4@history', 'users/1:4@revocations'])
    expect(
      rows.every((row) => row.body.id === 'users/1:4' && row.body.queue === row.destination),
    ).toBe(true)
  })
})

describe('small guards', () => {
  it('compares secrets of different lengths as unequal (S118)', async () => {
    expect(await secretsEqual('abc', 'abc')).toBe(true)
    expect(await secretsEqual('abc', 'abcd')).toBe(false)
    expect(await secretsEqual('', 'a')).toBe(false)
  })

  it('shifts the clock only by a number', () => {
    expect(systemClock('3600000').now() - Date.now()).toBeGreaterThan(3_599_000)
    expect(Math.abs(systemClock('soon').now() - Date.now())).toBeLessThan(1000)
  })
})

import { createExecutionContext, createMessageBatch, getQueueResult } from 'cloudflare:test'
import { env as untyped } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import type { Env } from '../src/context.ts'
import { reasonOf } from '../src/dead-letters.ts'
import worker from '../src/index.ts'

const env = untyped as unknown as Env

const revoked = {
  specversion: '1.0',
  id: 'user-sessions/1:2',
  source: '/users/1',
  type: 'session.revoked.v1',
  subject: '1',
  time: '2026-11-21T10:00:00.000Z',
  datacontenttype: 'application/json',
  queue: 'revocations',
  data: {
    userId: '019aa5b8-7c00-7000-8000-000000000002',
    sessionId: '019aa5b8-7c00-7000-8000-000000000003',
    reason: 'logout',
    sockets: [],
  },
}

async function deliver(...messages: { id: string; body: unknown }[]) {
  const batch = createMessageBatch(
    'menagerie-dead-letters',
    messages.map((message) => ({ ...message, timestamp: new Date(), attempts: 1 })),
  )
  const context = createExecutionContext()
  await worker.queue(batch, env)
  return getQueueResult(batch, context)
}

/** The same event under another id. */
const withId = (id: string) => ({ ...revoked, id })

const row = (id: string) =>
  env.DB.prepare('SELECT * FROM dead_letters WHERE id = ?').bind(id).first()

describe('the queue dead-letters', () => {
  it('is kept before it is acknowledged, with the queue and the event a message names', async () => {
    const { explicitAcks } = await deliver({ id: 'm1', body: revoked })
    expect(explicitAcks).toEqual(['m1'])
    expect(await row('user-sessions/1:2@revocations')).toMatchObject({
      queue: 'revocations',
      event_type: 'session.revoked.v1',
      event_id: 'user-sessions/1:2',
      reason: 'The consumer failed every time',
      status: 'open',
      body: JSON.stringify(revoked),
    })
  })

  it('keeps an event once for each queue, also when it is sent again as another message', async () => {
    const body = withId('user-sessions/1:3')
    await deliver({ id: 'm2', body }, { id: 'm2', body })
    await deliver({ id: 'm2-again', body })
    await deliver({ id: 'm2-history', body: { ...body, queue: 'history' } })
    const { results } = await env.DB.prepare(
      'SELECT id FROM dead_letters WHERE event_id = ? ORDER BY id',
    )
      .bind(body.id)
      .all()
    expect(results).toEqual([{ id: `${body.id}@history` }, { id: `${body.id}@revocations` }])
  })

  it.each([null, 'text', 7, [], { type: 7, id: {}, queue: 'no-such-queue' }])(
    'keeps %j, which is no event, and says what is wrong with it',
    async (body) => {
      const id = `odd-${JSON.stringify(body)}`
      const { explicitAcks } = await deliver({ id, body })
      expect(explicitAcks).toEqual([id])
      expect(await row(id)).toMatchObject({
        queue: 'unknown',
        event_type: null,
        event_id: null,
        reason: expect.stringMatching(/^Not an event of the contract: /),
      })
    },
  )

  it('asks again for a message that cannot be stored', async () => {
    await env.DB.prepare('ALTER TABLE dead_letters RENAME TO away').run()
    try {
      const { explicitAcks, retryMessages } = await deliver({
        id: 'm3',
        body: withId('user-sessions/1:4'),
      })
      expect(explicitAcks).toEqual([])
      expect(retryMessages.map(({ msgId }) => msgId)).toEqual(['m3'])
    } finally {
      await env.DB.prepare('ALTER TABLE away RENAME TO dead_letters').run()
    }
    await deliver({ id: 'm3', body: withId('user-sessions/1:4') })
    expect(await row('user-sessions/1:4@revocations')).not.toBeNull()
  })
})

describe('reasonOf', () => {
  it('names the member that is wrong, in at most 500 characters', () => {
    expect(reasonOf({ ...revoked, data: { ...revoked.data, sessionId: 'x' } })).toMatch(
      /data\.sessionId/,
    )
    expect(reasonOf({ ...revoked, type: 'x'.repeat(5_000) }).length).toBeLessThanOrEqual(500)
  })

  it('tells the code and the detail of what a device sent', () => {
    const rejected = {
      specversion: '1.0',
      id: 'rejected:1',
      source: '/devices/bridge',
      type: 'device.message.rejected.v1',
      subject: '/devices',
      time: '2026-11-21T10:00:00.000Z',
      datacontenttype: 'application/json',
      queue: 'dead-letters',
      data: {
        deviceId: null,
        topic: 'v1/devices/x/telemetry',
        code: 'unknown_topic',
        detail: 'The topic names no stream',
        payload: '{}',
        encoding: 'utf-8',
        bytes: 2,
        receivedAt: '2026-11-21T10:00:00.000Z',
      },
    }
    expect(reasonOf(rejected)).toBe('unknown_topic: The topic names no stream')
    const long = { ...rejected, data: { ...rejected.data, detail: 'x'.repeat(5_000) } }
    expect(reasonOf(long)).toHaveLength(500)
  })
})

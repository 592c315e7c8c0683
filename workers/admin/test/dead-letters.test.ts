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

const row = (id: string) =>
  env.DB.prepare('SELECT * FROM dead_letters WHERE id = ?').bind(id).first()

describe('the queue dead-letters', () => {
  it('is kept before it is acknowledged, with the queue and the event a message names', async () => {
    const { explicitAcks } = await deliver({ id: 'm1', body: revoked })
    expect(explicitAcks).toEqual(['m1'])
    expect(await row('m1')).toMatchObject({
      queue: 'revocations',
      event_type: 'session.revoked.v1',
      event_id: 'user-sessions/1:2',
      reason: 'The consumer failed every time',
      status: 'open',
      body: JSON.stringify(revoked),
    })
  })

  it('keeps a message that arrives twice once', async () => {
    await deliver({ id: 'm2', body: revoked }, { id: 'm2', body: revoked })
    await deliver({ id: 'm2', body: revoked })
    const count = await env.DB.prepare(
      "SELECT count(*) AS n FROM dead_letters WHERE id = 'm2'",
    ).first('n')
    expect(count).toBe(1)
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
      const { explicitAcks, retryMessages } = await deliver({ id: 'm3', body: revoked })
      expect(explicitAcks).toEqual([])
      expect(retryMessages.map(({ msgId }) => msgId)).toEqual(['m3'])
    } finally {
      await env.DB.prepare('ALTER TABLE away RENAME TO dead_letters').run()
    }
    await deliver({ id: 'm3', body: revoked })
    expect(await row('m3')).not.toBeNull()
  })
})

describe('reasonOf', () => {
  it('names the member that is wrong, in at most 500 characters', () => {
    expect(reasonOf({ ...revoked, data: { ...revoked.data, sessionId: 'x' } })).toMatch(
      /data\.sessionId/,
    )
    expect(reasonOf({ ...revoked, type: 'x'.repeat(5_000) }).length).toBeLessThanOrEqual(500)
  })
})

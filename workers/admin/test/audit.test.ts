import { createExecutionContext, createMessageBatch, getQueueResult } from 'cloudflare:test'
import { env as untyped } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import type { Env } from '../src/context.ts'
import worker from '../src/index.ts'
import { auditStatement } from '../src/routes/audit.ts'

const env = untyped as unknown as Env

const userId = '019aa5b8-7c00-7000-8000-000000000002'

const event = (id: string, data: object = {}, time = '2026-11-21T10:00:00.000Z') => ({
  specversion: '1.0',
  id,
  source: '/accounts',
  type: 'audit.recorded.v1',
  subject: `/users/${userId}`,
  time,
  datacontenttype: 'application/json',
  queue: 'audit',
  data: {
    action: 'roles.assigned',
    outcome: 'success',
    actor: { kind: 'user', id: userId },
    target: { kind: 'user', id: userId },
    reason: null,
    detail: { roles: ['agent'] },
    ...data,
  },
})

async function deliver(...bodies: unknown[]) {
  const batch = createMessageBatch(
    'menagerie-audit',
    bodies.map((body, at) => ({ id: `m${at}`, body, timestamp: new Date(), attempts: 1 })),
  )
  await worker.queue(batch, env)
  return getQueueResult(batch, createExecutionContext())
}

const find = (query: {
  action?: 'role.created' | 'roles.assigned'
  actorId?: string
  targetId?: string
}) => auditStatement(env.DB, { limit: 50, ...query }, undefined).all()

describe('the queue audit', () => {
  it('keeps one row for an event that arrives twice, and acknowledges both (S120)', async () => {
    const { explicitAcks } = await deliver(event('twice'), event('twice'))
    expect(explicitAcks).toEqual(['m0', 'm1'])
    await deliver(event('twice'))
    const rows = await find({ action: 'roles.assigned' })
    expect(rows.filter(({ id }) => id === 'twice')).toEqual([
      {
        id: 'twice',
        at: '2026-11-21T10:00:00.000Z',
        action: 'roles.assigned',
        outcome: 'success',
        actorKind: 'user',
        actorId: userId,
        targetKind: 'user',
        targetId: userId,
        reason: null,
        detail: { roles: ['agent'] },
      },
    ])
  })

  it.each([
    null,
    'text',
    { ...event('odd'), type: 'user.registered.v1' },
    event('odd', { secret: 'x' }),
  ])('does not take %j, which goes to the dead letters after its tries', async (body) => {
    const { explicitAcks, retryMessages } = await deliver(body, event(`beside-${typeof body}`))
    expect(explicitAcks).toEqual(['m1'])
    expect(retryMessages.map(({ msgId }) => msgId)).toEqual(['m0'])
    expect((await find({ actorId: userId })).map(({ id }) => id)).not.toContain('odd')
  })

  it('asks again for an event that cannot be stored', async () => {
    await env.DB.prepare('ALTER TABLE audit_events RENAME TO away').run()
    try {
      const { explicitAcks, retryMessages } = await deliver(event('later'))
      expect([explicitAcks, retryMessages.length]).toEqual([[], 1])
    } finally {
      await env.DB.prepare('ALTER TABLE away RENAME TO audit_events').run()
    }
    await deliver(event('later'))
    expect((await find({})).map(({ id }) => id)).toContain('later')
  })
})

describe('the audit records', () => {
  it('come newest first, by action, actor and target', async () => {
    const [actorId, targetId] = ['client-7', 'role-7']
    await deliver(
      event('old', { actor: { kind: 'client', id: actorId } }, '2026-01-01T00:00:00.000Z'),
      event('new', { actor: { kind: 'client', id: actorId } }, '2026-02-01T00:00:00.000Z'),
      event('made', { action: 'role.created', target: { kind: 'role', id: targetId } }),
    )
    expect((await find({ actorId })).map(({ id }) => id)).toEqual(['new', 'old'])
    expect((await find({ targetId })).map(({ id }) => id)).toEqual(['made'])
    expect((await find({ action: 'role.created', targetId })).map(({ id }) => id)).toEqual(['made'])
    const after = await auditStatement(env.DB, { limit: 1, actorId }, [
      '2026-02-01T00:00:00.000Z',
      'new',
    ]).all()
    expect(after.map(({ id }) => id)).toEqual(['old'])
  })

  it.each([
    [{}],
    [{ action: 'role.created' }],
    [{ actorId: 'x' }],
    [{ targetId: 'x' }],
    [{ action: 'role.created', actorId: 'x', targetId: 'x' }],
  ] as const)('walk an index for %j, without a sort', async (filter) => {
    const { sql, params } = auditStatement(env.DB, { limit: 50, ...filter }, ['2026', 'x']).toSQL()
    const { results } = await env.DB.prepare(`EXPLAIN QUERY PLAN ${sql}`)
      .bind(...params)
      .all<{ detail: string }>()
    const plan = results.map(({ detail }) => detail).join('\n')
    expect(plan).toMatch(/^SEARCH audit_events USING INDEX audit_events_/)
    expect(plan).not.toMatch(/SCAN|TEMP B-TREE/)
  })
})

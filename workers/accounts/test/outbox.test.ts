import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { drainOutbox, makeEvent, newId, outboxStatements, SENT_KEPT_MS } from '@menagerie/core'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import worker from '../src/index.ts'
import { env } from './support/accounts.ts'

const prepareReal = env.DB.prepare.bind(env.DB)
const sweeper = () => env.OUTBOX_SWEEPER.getByName('accounts')

async function keep(count = 1): Promise<string[]> {
  const events = Array.from({ length: count }, () =>
    makeEvent({
      type: 'user.sign-in.failed.v1',
      id: newId(),
      source: '/accounts',
      subject: '/users',
      at: Date.now(),
      data: { userId: null, reason: 'invalid_credentials' },
    }),
  )
  for (const event of events) await env.DB.batch(outboxStatements(env.DB, event, Date.now() - 1))
  return events.map(({ id }) => id)
}

interface Row {
  id: string
  destination: string
  state: string
  boot_id: string | null
  attempts: number
  due_at: number
}
const rows = async (): Promise<Row[]> =>
  (await env.DB.prepare('SELECT * FROM outbox ORDER BY rowid').all<Row>()).results

/** A drain with queues that a test can break, and a clock it can turn. */
function world() {
  const state = { now: Date.now(), broken: new Set<string>(), bootId: 'boot-1', sends: 0 }
  const received: Record<string, { id: string }[]> = { history: [], rules: [] }
  const drain = () =>
    drainOutbox({
      db: env.DB,
      sender: (destination) => async (bodies) => {
        state.sends += 1
        if (state.broken.has(destination)) throw new Error('the queue is down')
        if (bodies.length > 100) throw new Error('too many messages')
        received[destination]?.push(...(bodies as { id: string }[]))
      },
      bootId: state.bootId,
      now: () => state.now,
      random: () => 0.99,
    })
  return { state, received, drain }
}

beforeEach(async () => {
  await env.DB.prepare('DELETE FROM outbox').run()
})

describe('the outbox of D1', () => {
  it('goes out oldest first, in batches a queue takes', async () => {
    const ids = await keep(120)
    const { received, drain } = world()
    await drain()
    expect(received.history?.map(({ id }) => id)).toEqual(ids)
    expect(received.rules?.map(({ id }) => id)).toEqual(ids)
    expect(new Set((await rows()).map(({ state }) => state))).toEqual(new Set(['sent']))
  })

  it('loses nothing when a queue fails twenty times, and does not hold up the other', async () => {
    const [id] = await keep()
    const { state, received, drain } = world()
    state.broken.add('history')
    for (let failures = 0; failures < 20; ) {
      const before = state.sends
      const due = await drain()
      if (state.sends > before) failures += 1
      expect(due).toBeLessThanOrEqual(state.now + 60_000)
      state.now = Math.max(state.now + 1, due ?? 0)
    }
    expect(received.rules?.map((event) => event.id)).toEqual([id])
    expect(received.history).toEqual([])
    state.broken.clear()
    for (let i = 0; i < 5 && received.history?.length === 0; i++)
      state.now = Math.max(state.now + 1, (await drain()) ?? 0)
    expect(received.history?.map((event) => event.id)).toEqual([id])
  })

  it('sends again what was sent under another BOOT_ID, and forgets after 15 minutes under the same', async () => {
    const [id] = await keep()
    const { state, received, drain } = world()
    await drain()
    await drain()
    expect(received.history).toHaveLength(1)
    state.bootId = 'boot-2'
    await drain()
    expect(received.history?.map((event) => event.id)).toEqual([id, id])
    state.now += SENT_KEPT_MS
    expect(await drain()).toBeUndefined()
    expect(await rows()).toEqual([])
  })

  it('sends again after a restart that was noticed late', async () => {
    await keep()
    const { state, received, drain } = world()
    await drain()
    state.bootId = 'boot-2'
    state.now += 10 * SENT_KEPT_MS
    await drain()
    expect(received.history).toHaveLength(2)
  })

  it('sends again what was sent by a process that died before it could say so', async () => {
    const [id] = await keep()
    const { received, drain } = world()
    const prepare = vi.spyOn(env.DB, 'prepare').mockImplementation((sql) => {
      if (sql.includes("SET state = 'sent'")) throw new Error('died here')
      return prepareReal(sql)
    })
    await expect(drain()).rejects.toThrow('died here')
    prepare.mockRestore()
    expect((await rows()).every(({ state }) => state === 'pending')).toBe(true)
    await drain()
    expect(received.history?.map((event) => event.id)).toEqual([id, id])
  })

  it('keeps rows for a queue that is not bound', async () => {
    await keep()
    await env.DB.prepare(`UPDATE outbox SET destination = 'nowhere'`).run()
    await drainOutbox({
      db: env.DB,
      sender: () => undefined,
      bootId: 'boot-1',
      now: () => Date.now(),
      random: () => 0,
    })
    expect((await rows()).map(({ state, attempts }) => [state, attempts])).toEqual([
      ['pending', 1],
      ['pending', 1],
    ])
  })
})

describe('the sweeper', () => {
  it('sends what was committed by a process that died before it could wake anybody', async () => {
    await keep(3)
    expect((await rows()).every(({ state }) => state === 'pending')).toBe(true)
    await worker.scheduled({} as ScheduledController, env)
    await vi.waitFor(async () =>
      expect((await rows()).map(({ state, boot_id }) => [state, boot_id])).toEqual(
        Array.from({ length: 6 }, () => ['sent', 'boot-1']),
      ),
    )
  })

  it('comes back by itself while rows wait, and rests when none do', async () => {
    const [first] = await keep()
    await sweeper().wake()
    await vi.waitFor(async () => expect((await rows())[0]?.state).toBe('sent'))
    const alarm = () => runInDurableObject(sweeper(), (_object, { storage }) => storage.getAlarm())
    await vi.waitFor(async () => expect(await alarm()).not.toBeNull())
    expect(first).toBeDefined()
    await env.DB.prepare('DELETE FROM outbox').run()
    await runDurableObjectAlarm(sweeper())
    expect(await alarm()).toBeNull()
  })

  it('survives a database that does not answer, and tries again', async () => {
    await env.DB.prepare('ALTER TABLE outbox RENAME TO outbox_away').run()
    try {
      await sweeper().wake()
      await runDurableObjectAlarm(sweeper())
      const alarm = await runInDurableObject(sweeper(), (_object, { storage }) =>
        storage.getAlarm(),
      )
      expect(alarm).toBeGreaterThan(Date.now())
    } finally {
      await env.DB.prepare('ALTER TABLE outbox_away RENAME TO outbox').run()
    }
  })
})

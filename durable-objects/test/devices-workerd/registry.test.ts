import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { createHash } from 'node:crypto'
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  ann,
  Bridge,
  bob,
  climate,
  createCommand,
  makeTwin,
  message,
  migrate,
  online,
  principal,
  received,
  type Twin,
  unmadeTwin,
  value,
} from './support.ts'

beforeAll(migrate)
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'] })
})
afterEach(() => {
  vi.useRealTimers()
})

const hash = (code: string) => createHash('sha256').update(code).digest('hex')
const carol = '019aa5b8-7c00-7000-8000-000000000003'
const wait = { timeout: 8_000, interval: 20 }

/** Turns the clock and rings what is due by then. */
async function turn(twin: Twin, ms: number): Promise<void> {
  vi.setSystemTime(Date.now() + ms)
  await runDurableObjectAlarm(twin)
}

async function open(twin: Twin, who = principal()): Promise<Bridge> {
  return connect(twin, (await value(twin.issueTicket(who))).ticket)
}

async function connect(twin: Twin, ticket: string): Promise<Bridge> {
  const response = await twin.fetch('http://twin/ws', {
    headers: { upgrade: 'websocket', 'sec-websocket-protocol': `menagerie.v1, ticket.${ticket}` },
  })
  if (response.webSocket === null) throw new Error(`refused: ${response.status}`)
  return new Bridge(response.webSocket)
}

const eventsOf = (twin: Twin, type: string) =>
  runInDurableObject(twin, (_, state) =>
    state.storage.sql
      .exec<{ data: string; time: string }>('SELECT data, time FROM events WHERE type = ?', type)
      .toArray()
      .map(({ data, time }) => ({ time, ...(JSON.parse(data) as Record<string, unknown>) })),
  )
const timersOf = (twin: Twin) =>
  runInDurableObject(twin, (_, state) =>
    state.storage.sql
      .exec<{ name: string; at: number }>('SELECT name, at FROM timers ORDER BY name')
      .toArray(),
  )
const told = (queue: string, id: string, type: string) =>
  received(queue, id).then((events) => events.filter((event) => event.type === type))
const said = (id: string, temperature: number, more: object = {}) =>
  message(id, climate, { values: { temperature }, ...more })
const row = (id: string) =>
  env.DB.prepare('SELECT * FROM devices WHERE id = ?').bind(id).first<Record<string, unknown>>()
const tags = async (id: string) =>
  (
    await env.DB.prepare('SELECT tag, owner_id FROM device_tags WHERE device_id = ? ORDER BY tag')
      .bind(id)
      .all<{ tag: string; owner_id: string }>()
  ).results

describe('what a device is listed by', () => {
  it('is changed in parts, told of once and kept in the registry', async () => {
    const { id, twin } = unmadeTwin()
    await value(twin.create(principal(), { ...createCommand(id), tags: ['attic', 'hall'] }))
    const patch = { name: 'Hall', tags: ['hall', 'new'] }
    const first = await value(twin.update(principal(), { key: 'k', patch }))
    expect(first).toMatchObject({ device: { ...patch, metadata: { room: 'cellar' } } })
    expect(await value(twin.update(principal(), { key: 'k', patch }))).toEqual({
      ...first,
      replayed: true,
    })
    expect(await twin.update(principal(), { key: 'k', patch: { name: 'x' } })).toMatchObject({
      error: { code: 'idempotency_mismatch' },
    })
    await value(twin.update(principal(), { key: null, patch }))
    expect(await eventsOf(twin, 'device.updated')).toMatchObject([patch])
    await vi.waitFor(async () => {
      expect(await row(id)).toMatchObject({ name: 'Hall', tags: '["hall","new"]' })
      expect(await tags(id)).toEqual([
        { tag: 'hall', owner_id: ann },
        { tag: 'new', owner_id: ann },
      ])
    }, wait)
  })

  it('is not changed by others', async () => {
    const { twin } = await makeTwin()
    const command = { key: null, patch: { name: 'mine' } }
    expect(await twin.update(principal({ id: bob }), command)).toMatchObject({
      error: { code: 'not_found' },
    })
    expect(
      await twin.update(principal({ id: bob, permissions: ['devices:read'] }), command),
    ).toMatchObject({ error: { code: 'forbidden' } })
  })
})

describe('a device that is removed', () => {
  it('is not found by anybody, takes no messages and keeps its id', async () => {
    const { id, twin } = unmadeTwin()
    const command = { ...createCommand(id, 'key'), tags: ['t'] }
    await value(twin.create(principal(), command))
    await value(twin.take('default', [said(id, 1)]))
    const before = await value(twin.issueTicket(principal()))
    const socket = await open(twin)
    expect(await twin.remove(principal({ id: bob }))).toMatchObject({
      error: { code: 'not_found' },
    })
    await value(twin.remove(principal()))
    await vi.waitFor(() => expect(socket.closed).toMatchObject({ code: 4410 }), wait)
    const seen = JSON.stringify(socket.frames)
    expect(seen).toContain('device.deleted')
    await evictDurableObject(twin)
    const missing = { ok: false, error: { code: 'not_found' } }
    expect(await twin.get(principal())).toEqual(missing)
    expect(await twin.remove(principal())).toEqual(missing)
    expect(await twin.take('default', [said(id, 2)])).toEqual(missing)
    expect(await twin.putRules(principal(), [])).toEqual(missing)
    expect(await twin.create(principal(), command)).toMatchObject({ error: { code: 'conflict' } })
    await vi.waitFor(async () => {
      expect(await row(id)).toBeNull()
      expect(await tags(id)).toEqual([])
    }, wait)
    const late = await connect(twin, before.ticket).catch(() => undefined)
    if (late !== undefined)
      await vi.waitFor(() => expect(late.closed).toMatchObject({ code: 4410 }), wait)
    const samples = await runInDurableObject(twin, (_, { storage }) =>
      storage.sql.exec('SELECT 1 FROM samples UNION ALL SELECT 1 FROM numbering').toArray(),
    )
    expect([samples, await timersOf(twin)]).toEqual([[], []])
  })
})

describe('a claim code', () => {
  const offer = (twin: Twin, code: string, kept = 60_000) =>
    twin.offerClaim(principal(), { hash: hash(code), expiresAt: Date.now() + kept })

  it('makes one of a hundred the owner, and is good once', async () => {
    const { id, twin } = await makeTwin()
    await value(offer(twin, 'one'))
    const people = Array.from({ length: 100 }, (_, n) =>
      principal({ id: `019aa5b8-7c00-7000-8000-1000000${String(n).padStart(5, '0')}` }),
    )
    const answers = await Promise.all(
      people.map((who) => twin.claim(who, { key: 'k', hash: hash('one') })),
    )
    const winners = people.filter((_, index) => answers[index]?.ok)
    expect(winners).toHaveLength(1)
    const [winner] = winners
    if (winner === undefined) return
    const again = await value(twin.claim(winner, { key: 'k', hash: hash('one') }))
    expect(again).toMatchObject({ replayed: true, device: { id, ownerId: winner.id } })
    expect(await twin.claim(winner, { key: null, hash: hash('one') })).toMatchObject({
      error: { code: 'not_found' },
    })
    expect(await eventsOf(twin, 'device.claimed')).toMatchObject([
      { ownerId: winner.id, previousOwnerId: ann },
    ])
    expect(await twin.get(principal())).toMatchObject({ error: { code: 'not_found' } })
    await vi.waitFor(async () => expect(await row(id)).toMatchObject({ owner_id: winner.id }), wait)
  })

  it('ends with the next one, with its time, and leaves no trace when it is wrong', async () => {
    const { twin } = await makeTwin()
    const who = principal({ id: carol })
    const missing = { error: { code: 'not_found' } }
    await value(offer(twin, 'first'))
    await value(offer(twin, 'second'))
    const inputs = () =>
      runInDurableObject(
        twin,
        (_, { storage }) => storage.sql.exec('SELECT 1 FROM inputs').toArray().length,
      )
    const before = await inputs()
    expect(await twin.claim(who, { key: 'a', hash: hash('first') })).toMatchObject(missing)
    vi.setSystemTime(Date.now() + 60_000)
    expect(await twin.claim(who, { key: 'b', hash: hash('second') })).toMatchObject(missing)
    expect(await inputs()).toBe(before)
    expect(await value(twin.get(principal()))).toMatchObject({ ownerId: ann })
  })

  it('closes the sockets of the old owner, also one whose ticket is from before', async () => {
    const { twin } = await makeTwin()
    const socket = await open(twin)
    const { ticket } = await value(twin.issueTicket(principal()))
    await value(offer(twin, 'code'))
    await value(twin.claim(principal({ id: bob }), { key: null, hash: hash('code') }))
    await vi.waitFor(() => expect(socket.closed).toMatchObject({ code: 4403 }), wait)
    expect(JSON.stringify(socket.frames)).not.toContain('device.claimed')
    const late = await connect(twin, ticket)
    await vi.waitFor(() => expect(late.closed).toMatchObject({ code: 4403 }), wait)
    expect(JSON.stringify(late.frames)).not.toContain('Cellar')
  })
})

describe('a device that falls silent', () => {
  it('is inactive in the second its timeout ends, and active with its next message', async () => {
    const { id, twin } = await makeTwin()
    const patch = { inactivityTimeoutSeconds: 60 }
    await value(twin.update(principal(), { key: null, patch }))
    expect(await timersOf(twin)).toEqual([])
    await value(twin.take('default', [said(id, 1)]))
    vi.setSystemTime(Date.now() + 29_001)
    await value(twin.take('default', [said(id, 2)]))
    vi.setSystemTime(Date.now() + 999)
    await value(twin.take('default', [said(id, 3)]))
    const last = Date.now()
    await evictDurableObject(twin)
    // Messages do not move the timer: it rings by the first one, and is set by the last one then.
    await turn(twin, 30_000)
    await turn(twin, 29_999)
    expect(await value(twin.get(principal()))).toMatchObject({ active: true })
    await turn(twin, 1)
    expect(await value(twin.get(principal()))).toMatchObject({ active: false })
    vi.setSystemTime(Date.now() + 5_000)
    await value(twin.take('default', [message(id, climate, 'no json')]))
    await turn(twin, 0)
    expect(await eventsOf(twin, 'device.activity')).toMatchObject([
      { time: new Date(last + 60_000).toISOString(), active: false },
      { active: true },
    ])
    await vi.waitFor(async () => {
      const events = await told('rules', id, 'device.activity.changed.v1')
      expect(events.map(({ data }) => data)).toMatchObject([
        {
          active: false,
          lastSeenAt: new Date(last).toISOString(),
          inactivityTimeoutSeconds: 60,
          changedAt: new Date(last + 60_000).toISOString(),
        },
        { active: true },
      ])
      expect(await row(id)).toMatchObject({ active: 1 })
    }, wait)
  })

  it('is not judged by a timer that an outage made late: its timeout begins anew', async () => {
    const { id, twin } = await makeTwin()
    await value(twin.update(principal(), { key: null, patch: { inactivityTimeoutSeconds: 60 } }))
    await value(twin.take('default', [said(id, 1)]))
    await turn(twin, 3_600_000)
    expect(await value(twin.get(principal()))).toMatchObject({ active: true })
    await turn(twin, 60_000)
    expect(await value(twin.get(principal()))).toMatchObject({ active: false })
  })

  it('has as long as a timeout that is set or changed says, from then on', async () => {
    const { id, twin } = await makeTwin()
    await value(twin.take('default', [said(id, 1)]))
    vi.setSystemTime(Date.now() + 30_000)
    const set = async (inactivityTimeoutSeconds: number | null) =>
      (await value(twin.update(principal(), { key: null, patch: { inactivityTimeoutSeconds } })))
        .device.active
    const active = async () => (await value(twin.get(principal()))).active
    // It may have been heard of in an outage: nobody can tell at once.
    expect(await set(20)).toBe(true)
    await turn(twin, 19_999)
    expect(await set(20)).toBe(true)
    await turn(twin, 1)
    expect(await active()).toBe(false)
    // Silent for 50 s by now.
    expect([await set(25), await set(60)]).toEqual([false, true])
    await turn(twin, 10_000)
    expect(await active()).toBe(false)
    expect(await set(null)).toBe(true)
    expect(await timersOf(twin)).toMatchObject([{ name: 'hours' }])
  })
})

describe('a rule with a duration', () => {
  const rule = {
    stream: 'climate',
    field: 'temperature',
    operator: 'above' as const,
    threshold: 30,
    durationSeconds: 10,
    hysteresis: 2,
  }
  it('fires to the second though no further sample comes', async () => {
    const { id, twin } = await makeTwin()
    await value(twin.putRules(principal(), [rule, { ...rule, threshold: 40 }]))
    await value(twin.take('default', [said(id, 31)]))
    const since = Date.now()
    vi.setSystemTime(since + 4_000)
    await value(twin.take('default', [said(id, 35)]))
    await evictDurableObject(twin)
    await turn(twin, 5_999)
    expect(await eventsOf(twin, 'device.rule')).toEqual([])
    await turn(twin, 1)
    const at = new Date(since + 10_000).toISOString()
    expect(await eventsOf(twin, 'device.rule')).toMatchObject([
      { state: 'triggered', value: 35, time: at },
    ])
    expect(await value(twin.rules(principal()))).toMatchObject([
      { triggered: true, pendingSince: null, lastTriggeredAt: at },
      { triggered: false },
    ])
    await vi.waitFor(async () => {
      const events = await told('rules', id, 'device.rule.triggered.v1')
      expect(events).toMatchObject([{ data: { value: 35, triggeredAt: at } }])
    }, wait)
    await value(twin.take('default', [said(id, 29)]))
    await value(twin.take('default', [said(id, 28)]))
    expect(await eventsOf(twin, 'device.rule')).toMatchObject([{}, { state: 'cleared', value: 28 }])
  })

  it('does not fire when the value comes back before', async () => {
    const { id, twin } = await makeTwin()
    await value(twin.putRules(principal(), [rule]))
    await value(twin.take('default', [said(id, 31)]))
    expect(await value(twin.rules(principal()))).toMatchObject([
      { pendingSince: new Date().toISOString() },
    ])
    await value(twin.take('default', [said(id, 30)]))
    expect((await timersOf(twin)).map(({ name }) => name)).toEqual(['hours'])
    await turn(twin, 20_000)
    expect(await eventsOf(twin, 'device.rule')).toEqual([])
  })
})

describe('hours of telemetry', () => {
  it('are told of once when they have ended, and a late sample is counted but not told', async () => {
    vi.setSystemTime(new Date('2026-11-22T10:30:00Z'))
    const { id, twin } = await makeTwin()
    await value(twin.take('default', [said(id, 10), said(id, 20)]))
    vi.setSystemTime(new Date('2026-11-22T11:02:00Z'))
    await runDurableObjectAlarm(twin)
    const rolled = () => told('history', id, 'device.telemetry.rolled.v1')
    await vi.waitFor(async () => expect(await rolled()).toHaveLength(1), wait)
    // Nothing comes in: nothing rings.
    expect(await timersOf(twin)).toEqual([])
    await evictDurableObject(twin)
    await value(twin.take('default', [said(id, 60, { time: '2026-11-22T10:59:00Z' })]))
    await value(twin.take('default', [said(id, 1)]))
    vi.setSystemTime(new Date('2026-11-22T12:02:00Z'))
    await runDurableObjectAlarm(twin)
    await vi.waitFor(async () => expect(await rolled()).toHaveLength(2), wait)
    expect((await rolled()).map(({ data }) => data)).toMatchObject([
      {
        stream: 'climate',
        bucket: {
          start: '2026-11-22T10:00:00.000Z',
          count: 2,
          values: { temperature: { min: 10, max: 20, mean: 15, count: 2 } },
        },
      },
      { bucket: { start: '2026-11-22T11:00:00.000Z', count: 1 } },
    ])
    const hours = await value(
      twin.telemetry(principal(), { stream: 'climate', resolution: 'hour' }),
    )
    expect(hours.series).toMatchObject([{ count: 3 }, { count: 1 }])
    const days = await value(twin.telemetry(principal(), { stream: 'climate', resolution: 'day' }))
    expect(days.series).toMatchObject([{ start: '2026-11-22T00:00:00.000Z', count: 4 }])
  })
})

describe('a twin from before the registry', () => {
  it('gets tags, its activity and how its rules stand', async () => {
    const { id, twin } = await makeTwin()
    await value(
      twin.putRules(principal(), [
        { stream: 'climate', field: 'temperature', operator: 'above', threshold: 1 },
      ]),
    )
    await value(
      twin.take('default', [message(id, { kind: 'presence' }, online('s1')), said(id, 5)]),
    )
    await runInDurableObject(twin, (_, { storage }) => {
      storage.sql.exec(`UPDATE object SET schema_version = 1,
        state = json_remove(state, '$.details.tags', '$.details.inactivityTimeoutSeconds', '$.active',
          '$.rules[0].pendingSince')`)
      for (const { name } of storage.sql
        .exec<{ name: string }>(
          `SELECT name FROM sqlite_master WHERE type = 'table'
           AND name IN ('hours', 'days', 'rolled', 'told_hours', 'commands', 'twin_changes')`,
        )
        .toArray())
        storage.sql.exec(`DROP TABLE ${name}`)
      for (const column of ['bytes', 'ring_bytes', 'newest_epoch', 'newest_seq'])
        storage.sql.exec(`ALTER TABLE streams DROP COLUMN ${column}`)
    })
    await evictDurableObject(twin)
    expect(await value(twin.get(principal()))).toMatchObject({
      tags: [],
      inactivityTimeoutSeconds: null,
      active: true,
      state: 'online',
    })
    expect(await value(twin.rules(principal()))).toMatchObject([
      { triggered: true, pendingSince: null },
    ])
    vi.setSystemTime(Date.now() + 120_000)
    await value(twin.take('default', [said(id, 7)]))
    const hours = await value(twin.telemetry(principal(), { stream: 'climate', resolution: 'day' }))
    expect(hours.series).toMatchObject([{ count: 2 }])
  })
})

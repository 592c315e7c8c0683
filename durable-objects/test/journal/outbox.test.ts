import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { nextCheck, RESEND_KEPT_MS } from '../../src/journal/outbox.ts'
import type { Destination } from '../../src/journal/types.ts'
import { begin, fixture, input, messages, tally } from './fixture.ts'

/** A destination that records what it takes and fails as it is told. */
function scripted(change: Partial<Destination> = {}) {
  const script = { batches: [] as string[][], fails: (_ids: string[]): boolean => false }
  const destination: Destination = {
    delivery: 'confirmed',
    batchSize: 100,
    send: async (rows) => {
      const ids = rows.map((row) => row.id)
      if (script.fails(ids)) throw new Error('down')
      script.batches.push(ids)
    },
    ...change,
  }
  return { script, destination }
}

function withOutbox(destinations: Record<string, Destination>) {
  const world = fixture({ destinations })
  const core = world.open()
  core.create('one', input(), begin)
  const post = (...entries: Parameters<typeof messages>) =>
    core.apply(input(), tally([{}], { outbox: () => messages(...entries) }))
  const drain = () => {
    world.clock.now = Math.max(world.clock.now, world.storage.alarmAt ?? 0)
    return core.alarm(() => undefined)
  }
  return { ...world, core, post, drain }
}

const ids = (count: number, name = 'm') => Array.from({ length: count }, (_, n) => `${name}${n}`)

describe('the outbox', () => {
  it('sends to the others while a destination hangs, and to that one only once', async () => {
    const hung = Promise.withResolvers<void>()
    let asked = 0
    const slow: Destination = {
      delivery: 'confirmed',
      batchSize: 1,
      send: () => {
        asked += 1
        return hung.promise
      },
    }
    const { script, destination } = scripted()
    const { post, drain, storage } = withOutbox({ slow, quick: destination })
    post('slow', 'a')
    const alarm = drain()
    await vi.waitFor(() => expect(asked).toBe(1))
    post('quick', 'b')
    await vi.waitFor(() => expect(script.batches).toEqual([['b']]))
    hung.resolve()
    await alarm
    expect(asked).toBe(1)
    expect(storage.exec('SELECT id FROM outbox')).toEqual([])
  })

  it('of a new start on a full disk lets the object be read, and is sent again once there is room', async () => {
    const { script, destination } = scripted({ delivery: 'resend' })
    const { post, drain, open, storage, clock } = withOutbox({ queue: destination })
    post('queue', 'm')
    await drain()
    storage.onPoint = (point) => {
      if (point === 'before update outbox') throw new Error('database or disk is full: SQLITE_FULL')
    }
    const core = open({ bootId: 'boot-2', destinations: { queue: destination } })
    expect(core.replay(0, 10)).toMatchObject({ ok: true, value: { head: 1 } })
    clock.now += RESEND_KEPT_MS
    await core.alarm(() => undefined)
    storage.onPoint = undefined
    await core.alarm(() => undefined)
    expect(script.batches).toEqual([['m'], ['m']])
  })

  it('asks for the alarm now, and sends oldest first in batches', async () => {
    const { script, destination } = scripted({ batchSize: 3 })
    const { post, drain, storage, clock } = withOutbox({ a: destination })
    post('a', 'm0', 'm1')
    post('a', 'm2', 'm3', 'm4')
    expect(storage.alarmAt).toBe(clock.now)
    await drain()
    expect(script.batches).toEqual([
      ['m0', 'm1', 'm2'],
      ['m3', 'm4'],
    ])
    expect(storage.exec('SELECT * FROM outbox')).toEqual([])
  })

  it('cuts batches by bytes too, and sends a large message alone', async () => {
    const { script, destination } = scripted({ batchBytes: 30 })
    const { post, drain } = withOutbox({ a: destination })
    post('a', 'm0', 'm1', 'm2', 'm'.repeat(50), 'm3')
    await drain()
    expect(script.batches).toEqual([['m0', 'm1'], ['m2'], ['m'.repeat(50)], ['m3']])
  })

  it('lets one destination fail without holding up another', async () => {
    const bad = scripted()
    bad.script.fails = () => true
    const good = scripted()
    const { post, drain, observed } = withOutbox({ bad: bad.destination, good: good.destination })
    post('bad', 'b0')
    post('good', 'g0')
    await drain()
    expect(good.script.batches).toEqual([['g0']])
    expect(observed).toContainEqual({
      type: 'outbox',
      destination: 'bad',
      outcome: 'failed',
      count: 1,
    })
  })

  it('backs off from a destination that fails, at most 60 s, and new messages do not hurry it', async () => {
    const { script, destination } = scripted()
    let attempts = 0
    script.fails = () => {
      attempts += 1
      return true
    }
    const { post, drain, storage, clock } = withOutbox({ a: destination })
    post('a', 'm0')
    await drain()
    expect(storage.alarmAt).toBe(clock.now + 501)
    post('a', 'm1')
    expect(storage.alarmAt).toBe(clock.now + 501)
    for (let round = 0; round < 20; round++) {
      await drain()
      expect((storage.alarmAt ?? 0) - clock.now).toBeLessThanOrEqual(60_001)
      expect(storage.alarmAt).toBeGreaterThan(clock.now)
    }
    expect(attempts).toBeLessThan(80)
    script.fails = () => false
    for (let round = 0; round < 5; round++) await drain()
    expect(script.batches.flat().sort()).toEqual(['m0', 'm1'])
  })

  it('delivers all others when one message always fails', async () => {
    const { script, destination } = scripted()
    script.fails = (batch) => batch.includes('m7')
    const { post, drain, storage } = withOutbox({ a: destination })
    post('a', ...ids(20))
    for (let round = 0; round < 30; round++) await drain()
    expect(script.batches.flat().sort()).toEqual(
      ids(20)
        .filter((id) => id !== 'm7')
        .sort(),
    )
    expect(storage.exec('SELECT id FROM outbox')).toMatchObject([{ id: 'm7' }])
    post('a', 'late')
    for (let round = 0; round < 3; round++) await drain()
    expect(script.batches.flat()).toContain('late')
  })

  it('keeps the order of a destination that asks for it, however often that one fails', async () => {
    for (const ordered of [true, false]) {
      const { script, destination } = scripted({ ordered, batchSize: 1 })
      script.fails = () => true
      const { post, drain, storage, clock } = withOutbox({ a: destination })
      post('a', 'm0')
      for (let round = 0; round < 4; round++) {
        await drain()
        expect(storage.alarmAt).toBeGreaterThan(clock.now)
        expect((storage.alarmAt ?? 0) - clock.now).toBeLessThanOrEqual(60_001)
      }
      post('a', 'm1', 'm2')
      if (ordered) expect(storage.alarmAt).toBeGreaterThan(clock.now)
      script.fails = () => false
      for (let round = 0; round < 4; round++) await drain()
      const inOrder = [['m0'], ['m1'], ['m2']]
      if (ordered) expect(script.batches).toEqual(inOrder)
      else expect(script.batches).not.toEqual(inOrder)
    }
  })

  it('holds a message until it is due', async () => {
    const { script, destination } = scripted()
    const { core, drain, storage, clock } = withOutbox({ a: destination })
    const dueAt = clock.now + 90_000
    core.apply(
      input(),
      tally([], { outbox: () => [{ id: 'm', destination: 'a', body: {}, dueAt }] }),
    )
    expect(storage.alarmAt).toBe(dueAt)
    await core.alarm(() => undefined)
    expect(script.batches).toEqual([])
    await drain()
    expect(script.batches).toEqual([['m']])
  })

  it('throws for a destination that nobody declared, and writes nothing', () => {
    const { core } = withOutbox({})
    expect(() =>
      core.apply(input(), tally([{}], { outbox: () => messages('nowhere', 'm') })),
    ).toThrow('nowhere')
    expect(core.head()?.seq).toBe(0)
  })

  it('keeps what a queue took for 15 minutes, and sends it again only under another BOOT_ID', async () => {
    const { script, destination } = scripted({ delivery: 'resend' })
    const { post, drain, open, clock, storage } = withOutbox({ a: destination })
    post('a', 'm0')
    await drain()
    open()
    await drain()
    expect(script.batches).toEqual([['m0']])
    const restarted = open({ bootId: 'boot-2' })
    await restarted.alarm(() => undefined)
    expect(script.batches).toEqual([['m0'], ['m0']])
    const sentAt = clock.now
    let alarms = 0
    for (; storage.exec('SELECT 1 FROM outbox').length > 0; alarms++) {
      clock.now = storage.alarmAt ?? 0
      await restarted.alarm(() => undefined)
    }
    expect(clock.now).toBe(sentAt + RESEND_KEPT_MS)
    expect(alarms).toBe(6)
    expect(script.batches).toHaveLength(2)
  })

  it('looks for a restart after 30 s, then ever more rarely, and never later than the end', () => {
    expect(nextCheck(0, 0, 0)).toBe(30_000)
    expect(nextCheck(0, 0, 30_000)).toBe(60_000)
    fc.assert(
      fc.property(fc.nat(900_000), fc.nat(900_000), fc.nat(2_000_000), (oldest, gap, later) => {
        const newest = oldest + gap
        const now = newest + later
        const check = nextCheck(oldest, newest, now)
        expect(check).toBeLessThanOrEqual(oldest + RESEND_KEPT_MS)
        if (now < oldest + RESEND_KEPT_MS) expect(check).toBeGreaterThan(now)
      }),
    )
  })
})

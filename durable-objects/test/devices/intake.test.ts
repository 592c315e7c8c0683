import type { BridgeAck } from '@menagerie/contracts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Taken, TopicKind } from '../../src/device-twin/twin-types.ts'
import { Device, deviceId, numberedMessage, World } from './world.ts'

const COUNT = 24

/** One delivery: which of the held messages, in which order and how often, and what happens to it. */
interface Delivery {
  picks: number[]
  fate: 'arrives' | 'is lost' | 'answer is lost' | 'object leaves memory'
  /** Writes until the object dies; none when undefined. */
  diesAfter: number | undefined
}

const deliveries: fc.Arbitrary<Delivery[]> = fc.array(
  fc.record({
    picks: fc.array(fc.nat(COUNT - 1), { minLength: 1, maxLength: 12 }),
    fate: fc.constantFrom('arrives', 'is lost', 'answer is lost', 'object leaves memory'),
    diesAfter: fc.option(fc.nat(40), { nil: undefined, freq: 3 }),
  }),
  { maxLength: 25 },
)

type AckRule = (taken: Taken, sent: number[]) => BridgeAck | undefined

/** What the twin tells, checked against what it holds. */
const contiguous: AckRule = (taken) => taken.ack

/** The planted mistake: the greatest number that came in counts as everything up to it. */
const maximum: AckRule = ({ ack }, sent) =>
  ack === undefined ? undefined : { ...ack, ackedThrough: Math.max(ack.ackedThrough, ...sent) }

function highestContiguous(stored: readonly string[], epoch: number): number {
  const known = new Set(stored)
  let seq = 0
  while (known.has(`${epoch}.${seq + 1}`)) seq += 1
  return seq
}

/** Runs a history, then delivers without faults until the device holds nothing. */
function run(history: readonly Delivery[], ackRule: AckRule, epoch = 0): World {
  const world = new World()
  const device = new Device(epoch, COUNT)
  const send = (seqs: number[], { fate, diesAfter }: Omit<Delivery, 'picks'>) => {
    if (seqs.length === 0 || fate === 'is lost') return
    if (fate === 'object leaves memory') world.evict()
    const taken = world.take(
      seqs.map((seq) => numberedMessage(epoch, seq)),
      diesAfter,
    )
    if (taken === undefined) return
    if (ackRule === contiguous)
      expect(taken.ack?.ackedThrough).toBe(highestContiguous(world.stored(), epoch))
    if (fate !== 'answer is lost') device.acknowledged(ackRule(taken, seqs))
  }
  for (const { picks, ...fate } of history) {
    const { held } = device
    send(
      picks.flatMap((pick) => held[pick % Math.max(1, held.length)] ?? []),
      fate,
    )
  }
  for (let round = 0; round < 3; round++)
    send(device.held, { fate: 'arrives', diesAfter: undefined })
  expect(device.held).toEqual([])
  return world
}

function expectExact(world: World, epoch = 0): void {
  const all = Array.from({ length: COUNT }, (_, index) => `${epoch}.${index + 1}`).sort()
  expect(world.stored()).toEqual(all)
  expect(world.counted()).toBe(all.filter((key) => Number(key.split('.')[1]) % 3 !== 0).length)
}

describe('numbered messages', () => {
  it('are stored exactly once, whatever is lost, repeated, reordered or dies (reliability §2.2)', () => {
    fc.assert(
      fc.property(deliveries, fc.constantFrom(0, 5), (history, epoch) => {
        const world = run(history, contiguous, epoch)
        expectExact(world, epoch)
        world.storage.close()
      }),
      { numRuns: 300 },
    )
  })

  it('would be lost by a twin that acknowledged the maximum: the check finds that', () => {
    const found = fc.check(
      fc.property(deliveries, (history) => {
        expectExact(run(history, maximum))
      }),
      { numRuns: 300 },
    )
    expect(found.failed).toBe(true)
  })

  it('of an older epoch are stored once and not acknowledged', () => {
    const world = new World()
    const take = (epoch: number, seq: number) => world.take([numberedMessage(epoch, seq)])
    expect(take(3, 1)?.ack).toMatchObject({ epoch: 3, ackedThrough: 1 })
    expect(take(2, 1)).toEqual({ results: [{ result: 'stored' }] })
    world.evict()
    expect(take(2, 1)).toEqual({ results: [{ result: 'duplicate' }] })
    expect(world.stored()).toEqual(['2.1', '3.1'])
  })

  it('and all others can be anything at all: a batch never fails for what is in it', () => {
    const odd = fc.oneof(
      fc.constantFrom<unknown>(
        '0000-01-01T00:00:00+01:00',
        '9999-12-31T23:59:59-01:00',
        '2026-11-21T10:00:00Z',
        '\ud800',
        -0,
        1e308,
        '',
        'x'.repeat(2_000),
        Number.MAX_SAFE_INTEGER,
      ),
      fc.jsonValue({ maxDepth: 2 }),
    )
    const payload = fc.oneof(
      fc.record(
        {
          seq: fc.oneof(fc.integer({ min: -1, max: 5 }), odd),
          epoch: odd,
          time: odd,
          id: odd,
          data: odd,
          state: fc.oneof(fc.constantFrom('online', 'offline'), odd),
          session: odd,
          version: odd,
          clientToken: odd,
          values: fc.oneof(fc.dictionary(fc.string(), odd, { maxKeys: 3 }), odd),
        },
        { requiredKeys: [] },
      ),
      odd,
    )
    const of = fc.constantFrom<TopicKind>(
      { kind: 'telemetry', stream: '__proto__' },
      { kind: 'event', name: 'constructor' },
      { kind: 'presence' },
      { kind: 'reported' },
      { kind: 'get' },
      { kind: 'shadow', action: 'update' },
      { kind: 'shadow', action: 'get' },
      { kind: 'shadow', action: 'delete' },
    )
    const pick: Record<TopicKind['kind'], readonly string[]> = {
      telemetry: ['seq', 'epoch', 'time', 'values'],
      event: ['seq', 'epoch', 'id', 'time', 'data'],
      presence: ['state', 'session', 'time'],
      reported: ['state', 'version', 'clientToken'],
      get: ['clientToken'],
      answer: [],
      shadow: ['state', 'version', 'clientToken'],
    }
    fc.assert(
      fc.property(fc.array(fc.tuple(of, payload), { minLength: 1, maxLength: 8 }), (batch) => {
        const world = new World()
        const messages = batch.map(([kind, said]) => {
          const known = Object.entries(said ?? {}).filter(([name]) =>
            pick[kind.kind].includes(name),
          )
          const isRecord = typeof said === 'object' && said !== null && !Array.isArray(said)
          return {
            topic: 'v1/devices/d/x',
            of: kind,
            payload: JSON.stringify(isRecord ? Object.fromEntries(known) : said) ?? '',
            qos: 1 as const,
            receivedAt: '2026-11-21T10:00:00Z',
          }
        })
        const first = world.take(messages)
        expect(first?.results).toHaveLength(messages.length)
        world.evict()
        const again = world.take(messages)
        for (const [index, { result }] of (first?.results ?? []).entries())
          if (result === 'rejected') expect(again?.results[index]?.result).toBe('rejected')
        world.storage.close()
      }),
      { numRuns: 400 },
    )
  })

  it('are all refused by a full disk, and all stored once there is room', () => {
    const world = new World()
    const batch = [1, 2, 3].map((seq) => numberedMessage(0, seq))
    const telemetry = [1, 2].map((seq) => numberedMessage(0, seq))
    world.isFull = true
    expect(() => world.take(telemetry)).toThrow('storage_full')
    expect(() => world.take(batch)).toThrow('storage_full')
    world.isFull = false
    expect(world.stored()).toEqual([])
    expect(world.take(batch)).toMatchObject({
      results: [{ result: 'stored' }, { result: 'stored' }, { result: 'stored' }],
      ack: { ackedThrough: 3 },
    })
    expect(world.counted()).toBe(2)
  })

  it('die at any write of a batch and leave all of it or nothing', () => {
    const batch = [1, 2, 3, 5, 6].map((seq) => numberedMessage(0, seq))
    for (let points = 0; ; points++) {
      const world = new World()
      const taken = world.take(batch, points)
      const stored = world.stored()
      expect([0, batch.length]).toContain(stored.length)
      if (taken !== undefined) {
        expect(points).toBeGreaterThan(20)
        break
      }
      expect(world.take(batch)?.ack?.ackedThrough).toBe(3)
      expect(world.stored()).toHaveLength(batch.length)
    }
  })
})

describe('messages without a number', () => {
  const unnumbered = (kind: 'telemetry' | 'event', payload: unknown, microseconds: string) => {
    const of = kind === 'event' ? { kind, name: 'door' } : ({ kind, stream: 'climate' } as const)
    const topic = `v1/devices/${deviceId}/x`
    const receivedAt = `2026-11-21T09:00:00.000${microseconds}Z`
    return { topic, of, payload: JSON.stringify(payload), qos: 1 as const, receivedAt }
  }
  const values = { t: 1 }

  it('take effect once when a request is repeated, and are all kept when they are alike', () => {
    const world = new World()
    const batch = [
      unnumbered('telemetry', { values }, '001'),
      unnumbered('telemetry', { values }, '002'),
      unnumbered('telemetry', [{ values }, { values }], '003'),
      unnumbered('event', { data: 'open' }, '004'),
      unnumbered('event', { data: 'open' }, '005'),
    ]
    const results = () => world.take(batch)?.results.map(({ result }) => result)
    expect(results()).toEqual(batch.map(() => 'stored'))
    expect([world.stored().length, world.counted()]).toEqual([6, 4])
    world.evict()
    expect(results()).toEqual(batch.map(() => 'duplicate'))
    expect([world.stored().length, world.counted()]).toEqual([6, 4])
    world.storage.close()
  })

  it('are all kept from a bridge whose times may be alike', () => {
    const world = new World()
    const sample = unnumbered('telemetry', { values }, '')
    world.take([sample, sample])
    world.take([sample])
    expect(world.counted()).toBe(3)
    world.storage.close()
  })
})

describe('samples', () => {
  it('of a message with one gap too many count as taken once it is sent again, and none before', () => {
    const world = new World()
    const telemetry = (...seqs: number[]) => ({
      ...numberedMessage(0, 1),
      payload: JSON.stringify(seqs.map((seq) => ({ seq, values: { n: seq } }))),
    })
    const odd = Array.from({ length: 1000 }, (_, index) => 3 + 2 * index)
    world.take([telemetry(...odd)])
    const message = telemetry(1, 9001)
    expect(world.take([message])).toMatchObject({
      results: [{ result: 'rejected' }],
      ack: { ackedThrough: 0 },
    })
    world.take([telemetry(2)])
    expect(world.take([message])).toMatchObject({
      results: [{ result: 'stored' }],
      ack: { ackedThrough: 3 },
    })
    expect(world.stored()).toEqual(expect.arrayContaining(['0.1', '0.2', '0.9001']))
  })

  it('are kept up to the newest 10,000 of a stream', () => {
    const world = new World()
    world.storage.onPoint = undefined
    const start = Date.parse('2026-11-20T00:00:00Z')
    for (let batch = 0; batch < 14; batch++) {
      const samples = Array.from({ length: 1_000 }, (_, index) => {
        const seq = batch * 1_000 + index + 1
        return { seq, time: new Date(start + seq * 1_000).toISOString(), values: { t: seq } }
      })
      world.take([{ ...numberedMessage(0, 1), payload: JSON.stringify(samples) }])
    }
    const stored = world.stored()
    expect(stored.length).toBeGreaterThanOrEqual(10_000)
    expect(stored.length).toBeLessThanOrEqual(12_000)
    expect(stored).toContain('0.14000')
    expect(stored).not.toContain('0.1')
    expect(world.counted()).toBe(14_000)
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MemoryStorage } from '../../journal/memory-storage.ts'
import { twinSchema } from '../twin-schema.ts'
import { DAY_MS, HOUR_MS, MINUTE_MS, type rings, startOf } from './buckets.ts'
import { RingStore } from './ring-store.ts'

const begin = Date.parse('2026-11-21T10:00:00Z')

function aStore() {
  const storage = new MemoryStorage()
  const exec: MemoryStorage['exec'] = (sql, ...bindings) => storage.exec(sql, ...bindings)
  exec('CREATE TABLE object (state TEXT)')
  for (const step of twinSchema) step(exec)
  return { exec, store: new RingStore(exec) }
}

interface Sent {
  stream: string
  at: number
  values: { t: number }
}

/** Buckets by the definition: of every sample that was sent, those that the ring still keeps. */
function naive(ring: keyof typeof rings, stream: string, sent: readonly Sent[]) {
  const starts = [...new Set(sent.map(({ at }) => startOf(ring, at)))].sort((a, b) => a - b)
  return starts.flatMap((start) => {
    const values = sent
      .filter((one) => one.stream === stream && startOf(ring, one.at) === start)
      .map(({ values: { t } }) => t)
    if (values.length === 0) return []
    return [
      {
        start: new Date(start).toISOString(),
        count: values.length,
        values: {
          t: {
            min: Math.min(...values),
            max: Math.max(...values),
            mean: values.reduce((sum, value) => sum + value, 0) / values.length,
            count: values.length,
          },
        },
      },
    ]
  })
}

const everything = [-8.64e15, 8.64e15] as const

describe('minutes, hours and days', () => {
  it('hold every sample once, whenever it was taken, whenever the object leaves memory and the hours are told', () => {
    const step = fc.record({
      pause: fc.integer({ min: 0, max: 90 * MINUTE_MS }),
      evict: fc.boolean(),
      rollAll: fc.boolean(),
      samples: fc.array(
        fc.record({
          stream: fc.constantFrom('a', 'b'),
          // From five days ago to an hour ahead: devices bring what they kept, and their clocks are wrong.
          ago: fc.oneof(
            fc.integer({ min: -HOUR_MS, max: 2 * MINUTE_MS }),
            fc.integer({ min: 0, max: 5 * DAY_MS }),
          ),
          t: fc.integer({ min: -100, max: 100 }),
        }),
        { maxLength: 8 },
      ),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
        const { exec, store } = aStore()
        let current = store
        let now = begin
        const sent: Sent[] = []
        for (const { pause, evict, rollAll, samples } of steps) {
          now += pause
          if (evict) current = new RingStore(exec)
          if (rollAll) current.rollAll(now)
          const batch = samples.map(({ stream, ago, t }) => ({
            stream,
            at: now - ago,
            values: { t },
          }))
          if (batch.length > 0) current.save(batch, now)
          sent.push(...batch)
          for (const stream of ['a', 'b'])
            for (const ring of ['minutes', 'hours', 'days'] as const)
              expect(current.read(ring, stream, ...everything)).toEqual(naive(ring, stream, sent))
        }
      }),
      { numRuns: 150 },
    )
  })

  it('are kept for 7 days, 90 days and 5 years; what comes later than that is in none', () => {
    const { store } = aStore()
    const at = begin
    const save = (sampleAt: number, now: number) =>
      store.save([{ stream: 'a', at: sampleAt, values: { t: 1 } }], now)
    const starts = (ring: keyof typeof rings) => store.read(ring, 'a', ...everything).length
    save(at, at)
    save(at + 8 * DAY_MS, at + 8 * DAY_MS)
    expect([starts('minutes'), starts('hours'), starts('days')]).toEqual([1, 2, 2])
    // Eight days late: its minute is gone, its hour and its day are not.
    save(at + 5, at + 8 * DAY_MS)
    expect(store.read('hours', 'a', ...everything)[0]?.count).toBe(2)
    expect(starts('minutes')).toBe(1)
    save(at + 100 * DAY_MS, at + 100 * DAY_MS)
    expect([starts('minutes'), starts('hours'), starts('days')]).toEqual([1, 1, 3])
    save(at + 1830 * DAY_MS, at + 1830 * DAY_MS)
    expect([starts('minutes'), starts('hours'), starts('days')]).toEqual([1, 1, 3])
    save(at, at + 1830 * DAY_MS)
    expect([starts('minutes'), starts('hours'), starts('days')]).toEqual([1, 1, 3])
  })

  it('cost a message one statement while its minute lasts, however many samples it has', () => {
    const { exec } = aStore()
    const statements: string[] = []
    const store = new RingStore((sql, ...bindings) => {
      statements.push(sql)
      return exec(sql, ...bindings)
    })
    const save = (now: number) =>
      store.save(
        Array.from({ length: 50 }, (_, index) => ({
          stream: 'a',
          at: now - index,
          values: { t: index },
        })),
        now,
      )
    save(begin + 1_000)
    statements.length = 0
    save(begin + 2_000)
    save(begin + 3_000)
    expect(statements).toHaveLength(2)
  })

  it('are given newest first as far as an answer reaches, though every name is made up', () => {
    const { store } = aStore()
    const minutes = 600
    for (let minute = 0; minute < minutes; minute++) {
      const at = begin - minute * MINUTE_MS
      const samples = Array.from({ length: 4 }, (_, part) => {
        const names = Array.from({ length: 64 }, (_, n) => `${part}-${n}`.padEnd(64, 'x'))
        return { stream: 'a', at, values: Object.fromEntries(names.map((name) => [name, 1])) }
      })
      store.save(samples, begin)
    }
    const given = store.read('minutes', 'a', ...everything)
    expect(given.length).toBeLessThan(minutes)
    expect(given.length).toBeGreaterThan(300)
    expect(given.at(-1)?.start).toBe(new Date(begin).toISOString())
    const last = minutes - 1
    expect(store.read('minutes', 'a', begin - last * MINUTE_MS, begin)).toHaveLength(given.length)
    const few = store.read('minutes', 'a', begin - 501 * MINUTE_MS, begin - 400 * MINUTE_MS)
    expect(few).toHaveLength(101)
  })

  it('keep at most 256 names in one bucket', () => {
    const { store } = aStore()
    for (let n = 0; n < 30; n++) {
      const values = Object.fromEntries(
        Array.from({ length: 16 }, (_, index) => [`n${n}-${index}`, 1]),
      )
      store.save([{ stream: 'a', at: begin, values }], begin)
    }
    const [day] = store.read('days', 'a', ...everything)
    expect(Object.keys(day?.values ?? {})).toHaveLength(256)
    expect(day?.count).toBe(30)
  })
})

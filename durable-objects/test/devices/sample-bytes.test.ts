import { expect, it } from 'vitest'
import { MAX_RING_BYTES } from '../../src/device-twin/telemetry/ring-size.ts'
import { MAX_SAMPLE_BYTES } from '../../src/device-twin/telemetry/telemetry-store.ts'
import { deviceId, numberedMessage, World } from './world.ts'

it('samples are kept up to 16 MiB of a stream: no device fills its object, which would hold up all the others', () => {
  const world = new World()
  const values = Object.fromEntries(
    Array.from({ length: 64 }, (_, index) => [`name-${index}`, 'ü'.repeat(256)]),
  )
  const most = Math.ceil(MAX_SAMPLE_BYTES / Buffer.byteLength(JSON.stringify(values)))
  const newest = 2 * most
  for (let seq = 1; seq <= newest; seq++) {
    const time = new Date(world.clock - 3_600_000 + seq * 1_000).toISOString()
    const payload = JSON.stringify({ seq, time, values })
    const taken = world.take([{ ...numberedMessage(0, 1), payload }])
    expect(taken?.results).toEqual([{ result: 'stored' }])
    if (seq % 100 === 0) world.evict()
  }
  const stored = world.stored()
  expect(stored.length).toBeLessThanOrEqual(most)
  expect(stored.length).toBeGreaterThanOrEqual(most / 2 - 1)
  expect(stored).toContain(`0.${newest}`)
  expect(world.counted()).toBe(newest)
})

it('buckets are kept up to 32 MiB of a stream, the newest, also over evictions', () => {
  const world = new World()
  const samples = Array.from({ length: 4 }, (_, part) => {
    const names = Array.from({ length: 64 }, (_, n) => `${part}-${n}`.padEnd(64, 'x'))
    return Object.fromEntries(names.map((name) => [name, 1.5]))
  })
  const bytesOf = (ring: string) =>
    world.storage.exec<{ n: number }>(`SELECT total(length(vals)) AS n FROM ${ring}`)[0]?.n ?? 0
  const minutes = 1_700
  let most = 0
  for (let minute = 0; minute < minutes; minute++) {
    const time = new Date(world.clock - (minutes - minute) * 60_000).toISOString()
    const payload = JSON.stringify(samples.map((values) => ({ time, values })))
    const taken = world.take([{ ...numberedMessage(0, 1), payload }])
    expect(taken?.results).toEqual([{ result: 'stored' }])
    if (minute % 100 === 0) world.evict()
    if (minute % 50 === 0) most = Math.max(most, bytesOf('minutes') + bytesOf('hours'))
  }
  const bytes = bytesOf('minutes') + bytesOf('hours') + bytesOf('days')
  expect(most).toBeGreaterThan(MAX_RING_BYTES * 0.9)
  expect(most).toBeLessThanOrEqual(MAX_RING_BYTES)
  expect(bytes).toBeLessThanOrEqual(MAX_RING_BYTES)
  const [row] = world.storage.exec('SELECT ring_bytes FROM streams')
  expect(row?.ring_bytes).toBe(bytes)
  const newest = new Date(world.clock - 60_000).getTime()
  const [last] = world.storage.exec('SELECT max(start) AS start FROM minutes')
  expect(last?.start).toBe(newest)
}, 60_000)

it('no statement binds more than 2 MB, however many samples a batch has and wherever they lie', () => {
  const world = new World()
  let longest = 0
  const { exec } = world.storage
  world.storage.exec = (sql, ...bindings) => {
    for (const bound of bindings)
      if (typeof bound === 'string') longest = Math.max(longest, Buffer.byteLength(bound))
    return exec.call(world.storage, sql, ...bindings) as never
  }
  const stream = 's'.repeat(64)
  const said = (n: number) => {
    const samples = Array.from({ length: 2_000 }, (_, index) => {
      const time = new Date(world.clock - (n * 2_000 + index) * 60_000).toISOString()
      return `{"time":"${time}","values":{"a":${index}}}`
    })
    return {
      topic: `v1/devices/${deviceId}/telemetry/${stream}`,
      of: { kind: 'telemetry' as const, stream },
      payload: `[${samples.join(',')}]`,
      qos: 1 as const,
      receivedAt: `2026-11-21T09:00:00.00000${n}Z`,
    }
  }
  const messages = [0, 1, 2, 3, 4, 5, 6, 7].map(said)
  const results = messages.map(() => ({ result: 'stored' }))
  expect(world.take(messages)?.results).toEqual(results)
  // The request comes again: it finds all of its samples, also those beyond the newest 10,000, and counts none twice.
  const counted = world.counted()
  expect(world.take(messages)?.results).toEqual(results.map(() => ({ result: 'duplicate' })))
  expect(world.counted()).toBe(counted)
  world.take([said(8)])
  expect(world.stored()).toHaveLength(12_000)
  expect(longest).toBeGreaterThan(500_000)
  expect(longest).toBeLessThan(2_000_000)
})

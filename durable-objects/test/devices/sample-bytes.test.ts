import { expect, it } from 'vitest'
import { MAX_SAMPLE_BYTES } from '../../src/device-twin/telemetry/telemetry-store.ts'
import { numberedMessage, World } from './world.ts'

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

import { describe, expect, it } from 'vitest'
import { Coalescer, type Flushed } from './coalescer.ts'

function counted(answers: Flushed[] = []) {
  const timers: { run: () => void; ms: number }[] = []
  const seen = { flushes: 0, now: 0, quiet: 0 }
  const coalescer = new Coalescer(
    () => {
      seen.flushes += 1
      return answers.shift() ?? { deliveries: 2, more: false }
    },
    () => seen.now,
    () => {
      seen.quiet += 1
    },
    (run, ms) => void timers.push({ run, ms }),
  )
  return { coalescer, timers, seen }
}

describe('coalescing', () => {
  it('flushes once at the end of the turn, and what follows once after 10 ms', async () => {
    const { coalescer, timers, seen } = counted()
    coalescer.request()
    coalescer.request()
    expect(seen.flushes).toBe(0)
    await Promise.resolve()
    expect(seen.flushes).toBe(1)
    for (let event = 0; event < 50; event++) {
      coalescer.request()
      await Promise.resolve()
    }
    expect(seen.flushes).toBe(1)
    expect(timers.map((timer) => timer.ms)).toEqual([10])
    timers.shift()?.run()
    expect(seen.flushes).toBe(2)
  })

  it('does not wait for a timer that comes late', async () => {
    const { coalescer, timers, seen } = counted()
    coalescer.request()
    await Promise.resolve()
    seen.now = 49
    coalescer.request()
    await Promise.resolve()
    expect(seen.flushes).toBe(1)
    seen.now = 50
    coalescer.request()
    await Promise.resolve()
    expect(seen.flushes).toBe(2)
    coalescer.request()
    timers.shift()?.run()
    expect(seen.flushes).toBe(2)
    timers.shift()?.run()
    expect(seen.flushes).toBe(3)
  })

  it('has no timer left once nothing came in the last 10 ms, so that the object can hibernate', async () => {
    const { coalescer, timers, seen } = counted()
    coalescer.request()
    await Promise.resolve()
    expect(seen.quiet).toBe(0)
    timers.shift()?.run()
    expect(timers).toEqual([])
    expect(seen.quiet).toBe(1)
    coalescer.request()
    await Promise.resolve()
    expect(seen.flushes).toBe(2)
  })

  it('holds longer in a crowd of more than 20,000 deliveries a second, as long as it lasts', async () => {
    const deliveries = [200, 201, 1_001, 1_000, 200]
    const { coalescer, timers, seen } = counted(
      deliveries.map((count) => ({ deliveries: count, more: false })),
    )
    const holds: number[] = []
    coalescer.request()
    await Promise.resolve()
    while (seen.flushes < deliveries.length) {
      coalescer.request()
      const timer = timers.shift()
      holds.push(timer?.ms ?? 0)
      seen.now += timer?.ms ?? 0
      timer?.run()
    }
    expect(holds).toEqual([10, 50, 50, 10])
  })

  it('does not take what a late timer gathered for a crowd', async () => {
    const { coalescer, timers, seen } = counted([
      { deliveries: 100, more: false },
      { deliveries: 600, more: false },
    ])
    coalescer.request()
    await Promise.resolve()
    coalescer.request()
    seen.now = 30
    timers.shift()?.run()
    expect(timers.map(({ ms }) => ms)).toEqual([10])
  })

  it('waits for a late timer longer in a crowd', async () => {
    const { coalescer, seen } = counted([{ deliveries: 500, more: false }])
    coalescer.request()
    await Promise.resolve()
    seen.now = 89
    coalescer.request()
    await Promise.resolve()
    expect(seen.flushes).toBe(1)
    seen.now = 90
    coalescer.request()
    await Promise.resolve()
    expect(seen.flushes).toBe(2)
  })

  it('goes on by itself while there is more, and sets no timer where nothing was sent', async () => {
    const { coalescer, timers, seen } = counted([
      { deliveries: 2, more: true },
      { deliveries: 0, more: false },
    ])
    coalescer.request()
    await Promise.resolve()
    timers.shift()?.run()
    expect(seen.flushes).toBe(2)
    expect(timers).toEqual([])
  })

  it('is quiet too where a flush that came before a late timer had nothing to send', async () => {
    const { coalescer, timers, seen } = counted([
      { deliveries: 2, more: false },
      { deliveries: 0, more: false },
    ])
    coalescer.request()
    await Promise.resolve()
    seen.now = 50
    coalescer.request()
    await Promise.resolve()
    timers.shift()?.run()
    expect([seen.flushes, seen.quiet, timers.length]).toEqual([2, 1, 0])
  })
})

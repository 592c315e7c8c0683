import { describe, expect, it } from 'vitest'
import { Coalescer, type Flushed } from './coalescer.ts'

function counted(answers: Flushed[] = []) {
  const timers: { run: () => void; ms: number }[] = []
  const seen = { flushes: 0, now: 0, quiet: 0 }
  const coalescer = new Coalescer(
    () => {
      seen.flushes += 1
      return answers.shift() ?? { sent: true, more: false }
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

  it('goes on by itself while there is more, and sets no timer where nothing was sent', async () => {
    const { coalescer, timers, seen } = counted([
      { sent: true, more: true },
      { sent: false, more: false },
    ])
    coalescer.request()
    await Promise.resolve()
    timers.shift()?.run()
    expect(seen.flushes).toBe(2)
    expect(timers).toEqual([])
  })
})

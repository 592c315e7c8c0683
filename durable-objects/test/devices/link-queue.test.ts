import type { Downlink } from '@menagerie/contracts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LinkQueue, MAX_UNACKNOWLEDGED } from '../../src/bridge-link/link-queue.ts'
import { MemoryStorage } from '../../src/journal/memory-storage.ts'

const downlink = (id: string): Downlink => ({ id, topic: 't', payload: {}, qos: 1, retain: false })

/** Everything a bridge gets that was sent up to a place. */
function pump(queue: LinkQueue, sentThrough: number): { ids: string[]; through: number } {
  const ids: string[] = []
  let through = sentThrough
  for (let frame = queue.next(through, 0); frame !== undefined; frame = queue.next(through, 0)) {
    expect(frame.messages.length).toBeLessThanOrEqual(100)
    ids.push(...frame.messages.map(({ id }) => id))
    through = frame.through
  }
  return { ids, through }
}

describe('the queue of a link', () => {
  it('publishes each message once to a broker that acknowledges, whatever comes again', () => {
    const step = fc.oneof(
      fc.record({ type: fc.constant('enqueue' as const), ids: fc.array(fc.nat(30)) }),
      fc.record({ type: fc.constant('acknowledge' as const), share: fc.nat(10) }),
      fc.record({ type: fc.constant('reconnect' as const) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const storage = new MemoryStorage()
        let queue = new LinkQueue(storage)
        let through = 0
        let held: string[] = []
        const acknowledged: string[] = []
        const asked: string[] = []
        for (const one of steps) {
          if (one.type === 'enqueue') {
            const ids = one.ids.map(String)
            queue.enqueue(ids.map(downlink), 0)
            asked.push(...ids)
          } else if (one.type === 'acknowledge') {
            const ids = held.splice(0, one.share)
            queue.published(ids, 0)
            acknowledged.push(...ids)
          } else {
            queue = new LinkQueue(storage)
            through = 0
            held = []
          }
          const sent = pump(queue, through)
          through = sent.through
          held.push(...sent.ids)
        }
        expect([...acknowledged, ...held]).toEqual([...new Set(asked)])
        expect(queue.queued).toBe(held.length)
        storage.close()
      }),
      { numRuns: 100 },
    )
  })

  it('gives what goes with QoS 0 to one bridge once, whoever asks again', () => {
    const storage = new MemoryStorage()
    const queue = new LinkQueue(storage)
    const once: Downlink = { ...downlink('once'), qos: 0 }
    queue.enqueue([downlink('a'), once, downlink('b')], 0)
    expect(pump(queue, 0).ids).toEqual(['a', 'once', 'b'])
    queue.enqueue([once], 0)
    expect(pump(new LinkQueue(storage), 0).ids).toEqual(['a', 'b'])
  })

  it('forgets what nobody wants any more although no bridge comes', () => {
    const queue = new LinkQueue(new MemoryStorage())
    expect(queue.tidy(0)).toBe(0)
    const until = (id: string, seconds: string): Downlink => ({
      ...downlink(id),
      expiresAt: `2026-11-22T10:00:${seconds}Z`,
    })
    const all = [until('a', '00'), until('b', '00.500'), until('c', '30'), downlink('d')]
    queue.enqueue(all, 0)
    expect(queue.tidy(Date.parse('2026-11-22T10:00:00Z'))).toBe(0)
    expect(queue.tidy(Date.parse('2026-11-22T10:00:05Z'))).toBe(0)
    expect(queue.tidy(Date.parse('2026-11-22T10:01:05Z'))).toBe(3)
    expect(queue.queued).toBe(1)
  })

  it('gives a bridge no more than it may hold', () => {
    const queue = new LinkQueue(new MemoryStorage())
    queue.enqueue(
      Array.from({ length: MAX_UNACKNOWLEDGED + 5 }, (_, n) => downlink(String(n))),
      0,
    )
    const first = pump(queue, 0)
    expect(first.ids).toHaveLength(MAX_UNACKNOWLEDGED)
    queue.published(['0', '1', '2'], 0)
    expect(pump(queue, first.through).ids).toEqual(['1000', '1001', '1002'])
  })

  it('makes its tables at its first use, and numbers its connections', () => {
    const storage = new MemoryStorage()
    const queue = new LinkQueue(storage)
    expect([queue.queued, queue.generation, queue.next(0, 0)]).toEqual([0, 0, undefined])
    expect(storage.exec('SELECT name FROM sqlite_master')).toEqual([])
    expect([queue.nextGeneration(), queue.nextGeneration()]).toEqual([1, 2])
    expect(new LinkQueue(storage).generation).toBe(2)
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { backoff, MAX_BACKOFF_MS } from './backoff.ts'

describe('backoff', () => {
  it('grows with the attempts and is jittered over its whole range, up to 60 s', () => {
    expect(backoff(1, 0)).toBe(0)
    expect(backoff(1, 0.999)).toBe(999)
    expect(backoff(3, 0.5)).toBe(2_000)
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10_000 }),
        fc.double({ min: 0, max: 0.999 }),
        (n, r) => {
          const wait = backoff(n, Number.isNaN(r) ? 0 : r)
          expect(wait).toBeGreaterThanOrEqual(0)
          expect(wait).toBeLessThan(MAX_BACKOFF_MS)
        },
      ),
    )
  })
})

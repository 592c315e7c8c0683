import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { pauseSeconds } from '../../src/consume.ts'
import { MAX_ATTEMPTS, readRetryAfter, retrySeconds } from '../../src/deliver/retry.ts'

const now = Date.parse('2026-11-21T10:00:00Z')

describe('the wait after an attempt', () => {
  test('grows to hours, and is anything below with full jitter', () => {
    const longest = Array.from({ length: MAX_ATTEMPTS }, (_, i) =>
      retrySeconds(i + 1, undefined, 0.999_999),
    )
    expect(longest).toEqual([5, 20, 80, 320, 1280, 5120, 20_480, 21_600])
    expect(retrySeconds(8, undefined, 0)).toBe(1)
  })

  test('is never less than the provider asks for, and never more than a queue delays', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 50 }),
        fc.option(fc.integer({ min: 0, max: 10_000_000 }), { nil: undefined }),
        fc.double({ min: 0, max: 0.999_999, noNaN: true }),
        (attempts, asked, random) => {
          const seconds = retrySeconds(attempts, asked, random)
          expect(Number.isInteger(seconds)).toBe(true)
          expect(seconds).toBeGreaterThanOrEqual(Math.min(asked ?? 1, 86_400))
          expect(seconds).toBeGreaterThanOrEqual(1)
          expect(seconds).toBeLessThanOrEqual(86_400)
        },
      ),
    )
  })

  test.each([
    ['120', 120],
    ['1000000000', 1_000_000_000],
    ['-1', undefined],
    ['1.5', undefined],
    ['Sat, 21 Nov 2026 10:01:30 GMT', 90],
    ['Sat, 21 Nov 2026 09:00:00 GMT', 0],
    ['soon', undefined],
    ['-5x', undefined],
    [null, undefined],
  ])('reads Retry-After: %s (RFC 9110 §10.2.3)', (header, seconds) => {
    expect(readRetryAfter(header, now)).toBe(seconds)
  })

  test('of our own faults grows to a quarter of an hour', () => {
    expect([0, 1, 2, 3, 4, 5, 20].map(pauseSeconds)).toEqual([4, 4, 16, 64, 256, 900, 900])
  })
})

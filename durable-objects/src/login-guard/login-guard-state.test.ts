import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { spend } from './budget.ts'
import {
  type AccountCount,
  attempt,
  cleared,
  FIRST_DELAY_MS,
  FREE_ATTEMPTS,
  isEmpty,
  KNOWN_MS,
  LONGEST_DELAY_MS,
  MAX_ATTEMPTS,
  MAX_KNOWN,
  MEMORY_MS,
  noAttempts,
  succeeded,
  sweep,
} from './login-guard-state.ts'

const minute = 60_000
const hour = 60 * minute
const start = 1_000 * 24 * hour

/** Tries until it is let through `times` times, waiting as told; gives the times of those. */
function hammer(count: AccountCount, address: string, times: number, from = start) {
  const through: number[] = []
  let now = from
  let kept = count
  while (through.length < times) {
    const tried = attempt(kept, address, now)
    kept = tried.count
    if (tried.wait > 0) now += tried.wait
    else through.push(now)
  }
  return { count: kept, through, now }
}

describe('attempts at an account', () => {
  it('do not wait before the fifth failure in 15 minutes, then 30 seconds and twice as long each time (S47)', () => {
    const { through } = hammer(noAttempts, 'a', 9)
    const delays = through.slice(1).map((at, i) => at - (through[i] ?? 0))
    expect(delays.slice(0, FREE_ATTEMPTS - 1)).toEqual([0, 0, 0, 0])
    expect(delays.slice(FREE_ATTEMPTS - 1)).toEqual([1, 2, 4, 8].map((n) => n * FIRST_DELAY_MS))
  })

  it('are at most 100 in any 30 days without a success, however they come (S47, property)', () => {
    const steps = fc.array(fc.integer({ min: 0, max: 3 * hour }), { minLength: 1, maxLength: 400 })
    fc.assert(
      fc.property(steps, fc.boolean(), (waits, patient) => {
        let now = start
        let count = noAttempts
        const through: number[] = []
        for (const wait of waits) {
          now += wait
          let tried = attempt(count, `from-${through.length}`, now)
          if (tried.wait > 0 && patient) {
            now += tried.wait
            tried = attempt(tried.count, 'a', now)
            expect(tried.wait).toBe(0)
          }
          count = tried.count
          if (tried.wait === 0) through.push(now)
        }
        for (const at of through)
          expect(through.filter((one) => one > at - MEMORY_MS && one <= at).length).toBeLessThan(
            MAX_ATTEMPTS + 1,
          )
      }),
      { numRuns: 200 },
    )
  })

  it('reach no hundred when somebody tries at once whenever they may, for a year', () => {
    const { through } = hammer(noAttempts, 'a', 500)
    for (const at of through)
      expect(through.filter((one) => one > at - MEMORY_MS && one <= at).length).toBeLessThanOrEqual(
        MAX_ATTEMPTS,
      )
    const gaps = through.slice(1).map((at, i) => at - (through[i] ?? 0))
    expect(Math.max(...gaps)).toBe(LONGEST_DELAY_MS)
  })

  it('of an attacker do not keep the user out who comes from where they have been (S47)', () => {
    const mine = succeeded(noAttempts, 'home', start)
    const { count, now } = hammer(mine, 'elsewhere', 60, start + 1)
    expect(attempt(count, 'elsewhere', now).wait).toBeGreaterThan(0)
    expect(attempt(count, 'home', now).wait).toBe(0)
  })

  it('from where the user has been are counted too', () => {
    const known = succeeded(noAttempts, 'home', start)
    const { count, now } = hammer(known, 'home', FREE_ATTEMPTS, start + 1)
    expect(attempt(count, 'home', now).wait).toBe(FIRST_DELAY_MS)
  })

  it('begin anew after a success and after an unlocking', () => {
    const { count, now } = hammer(noAttempts, 'a', 8)
    expect(attempt(succeeded(count, 'b', now), 'a', now).wait).toBe(0)
    expect(attempt(cleared(count), 'a', now).wait).toBe(0)
  })

  it('that are refused do not make the wait longer', () => {
    const { count, now } = hammer(noAttempts, 'a', FREE_ATTEMPTS)
    let refused = attempt(count, 'a', now)
    for (let i = 0; i < 50; i++) refused = attempt(refused.count, 'a', now)
    expect(refused.wait).toBe(FIRST_DELAY_MS)
  })

  it('in parallel count as many as they are (S48)', () => {
    let count = noAttempts
    const waits = Array.from({ length: 50 }, () => {
      const tried = attempt(count, 'a', start)
      count = tried.count
      return tried.wait
    })
    expect(waits.filter((wait) => wait === 0)).toHaveLength(FREE_ATTEMPTS)
  })

  it('leave nothing behind in the end, and never know more than 32 addresses', () => {
    let count = noAttempts
    for (let i = 0; i < 40; i++) count = succeeded(count, `address-${i}`, start + i)
    expect(count.known).toHaveLength(MAX_KNOWN)
    expect(count.known.at(0)?.hash).toBe('address-8')
    count = hammer(count, 'x', 8).count
    expect(isEmpty(sweep(count, start + KNOWN_MS + hour))).toBe(true)
  })
})

describe('a budget', () => {
  it('is never exceeded in any stretch of its time, and gives what it has (property)', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 5_000 }), { maxLength: 300 }),
        fc.integer({ min: 1, max: 20 }),
        (waits, max) => {
          let now = start
          let spent: readonly (readonly [number, number])[] = []
          const times: number[] = []
          for (const wait of waits) {
            now += wait
            const answer = spend(spent, [{ max, perMs: minute }], now)
            spent = answer.spent
            if (answer.wait === 0) times.push(now)
            else {
              // Not a moment longer than one second beyond what it must be.
              expect(times.filter((at) => at > now - minute - 1_000).length).toBeGreaterThan(
                max - 1,
              )
              const later = spend(spent, [{ max, perMs: minute }], now + answer.wait)
              expect(later.wait).toBe(0)
            }
          }
          for (const at of times)
            expect(times.filter((one) => one > at - minute && one <= at).length).toBeLessThan(
              max + 1,
            )
        },
      ),
      { numRuns: 300 },
    )
  })

  it('of several is spent only where all have something left', () => {
    const budgets = [
      { max: 2, perMs: hour },
      { max: 3, perMs: 24 * hour },
    ]
    let spent: readonly (readonly [number, number])[] = []
    const refused = [0, 0, 0, 61, 61, 122].map((minutes) => {
      const answer = spend(spent, budgets, start + minutes * minute)
      spent = answer.spent
      return answer.wait > 0
    })
    expect(refused).toEqual([false, false, true, false, true, true])
  })
})

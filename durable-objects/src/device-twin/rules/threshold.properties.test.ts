import type { ThresholdRule } from '@menagerie/contracts'
import { toTimestamp } from '@menagerie/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fireDue, judge, nextFiring, putOff, type RuleStanding, replaceRules } from './threshold.ts'

interface Sample {
  at: number
  value: number
}

/** What is told, by the definition: looks at every second, since when the value has been what it is. */
function naive(rule: ThresholdRule, samples: readonly Sample[], end: number): string[] {
  const { operator, threshold, hysteresis = 0, durationSeconds = 0 } = rule
  const sign = operator === 'above' ? 1 : -1
  const told: string[] = []
  let triggered = false
  for (let at = 0; at <= end * 1000; at += 1000) {
    const since = lastRun(
      samples.filter((sample) => sample.at < at),
      rule,
    )
    if (!triggered && durationSeconds > 0 && since !== undefined) {
      const due = since + durationSeconds * 1000
      triggered = due <= at
      if (triggered) told.push(`triggered ${due}`)
    }
    const value = samples.find((sample) => sample.at === at)?.value
    if (value === undefined) continue
    if (!triggered && durationSeconds === 0 && sign * value > sign * threshold) {
      triggered = true
      told.push(`triggered ${at}`)
    }
    if (triggered && sign * value <= sign * threshold - hysteresis) {
      triggered = false
      told.push(`cleared ${at}`)
    }
  }
  return told
}

/** Since when the value has been beyond the threshold without a break; `undefined` when it is not. */
function lastRun(samples: readonly Sample[], rule: ThresholdRule): number | undefined {
  const sign = rule.operator === 'above' ? 1 : -1
  let since: number | undefined
  for (const { at, value } of samples)
    since = sign * value > sign * rule.threshold ? (since ?? at) : undefined
  return since
}

const aRule = fc.record({
  stream: fc.constant('climate'),
  field: fc.constant('t'),
  operator: fc.constantFrom('above' as const, 'below' as const),
  threshold: fc.integer({ min: -2, max: 2 }),
  hysteresis: fc.integer({ min: 0, max: 2 }),
  durationSeconds: fc.integer({ min: 0, max: 4 }),
})
const history = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: -4, max: 4 })), {
    maxLength: 15,
  })
  .map((steps) => {
    let at = 0
    return steps.map(([pause, value]): Sample => {
      at += pause * 1000
      return { at, value }
    })
  })

/** What the rules tell, with a timer that rings on time. @param rings false: the samples alone move them on */
function ours(rules: readonly ThresholdRule[], samples: readonly Sample[], rings: boolean) {
  let standing: readonly RuleStanding[] = replaceRules([], rules)
  const told = new Map(rules.map((rule) => [rule, [] as string[]]))
  const take = (judged: ReturnType<typeof judge>) => {
    standing = judged.rules
    for (const { rule, state, at } of judged.edges) told.get(rule)?.push(`${state} ${at}`)
  }
  const ringUntil = (until: number) => {
    for (
      let due = nextFiring(standing);
      due !== undefined && due <= until;
      due = nextFiring(standing)
    )
      take(fireDue(standing, due, () => undefined))
  }
  for (const { at, value } of samples) {
    if (rings) ringUntil(at)
    take(judge(standing, 'climate', { t: value }, at))
  }
  ringUntil(Number.POSITIVE_INFINITY)
  return rules.map((rule) => told.get(rule))
}

describe('rules with hysteresis and duration', () => {
  it('tell what the definition says, whether or not a timer rings between the samples', () => {
    fc.assert(
      fc.property(fc.array(aRule, { minLength: 1, maxLength: 5 }), history, (rules, samples) => {
        const end = (samples.at(-1)?.at ?? 0) / 1000 + 10
        const expected = rules.map((rule) => naive(rule, samples, end))
        expect(ours(rules, samples, true)).toEqual(expected)
        expect(ours(rules, samples, false)).toEqual(expected)
      }),
      { numRuns: 2_000 },
    )
  })

  it('start the time anew when the value comes back in it, also by less than the hysteresis', () => {
    const rule: ThresholdRule = {
      stream: 'climate',
      field: 't',
      operator: 'above',
      threshold: 30,
      hysteresis: 5,
      durationSeconds: 10,
    }
    const first = judge(replaceRules([], [rule]), 'climate', { t: 31 }, 0)
    expect(first.rules[0]).toMatchObject({ triggered: false, pendingSince: toTimestamp(0) })
    const back = judge(first.rules, 'climate', { t: 29 }, 5_000)
    expect(back).toMatchObject({ edges: [], rules: [{ pendingSince: null }] })
    expect(nextFiring(back.rules)).toBeUndefined()
  })

  it('fire with the newest value that is known', () => {
    const rule: ThresholdRule = {
      stream: 'climate',
      field: 't',
      operator: 'above',
      threshold: 30,
      durationSeconds: 10,
    }
    const { rules } = judge(replaceRules([], [rule]), 'climate', { t: 31 }, 1_000)
    expect(fireDue(rules, 10_999, () => 35).edges).toEqual([])
    expect(fireDue(rules, 11_000, () => 35).edges).toEqual([
      { rule, value: 35, state: 'triggered', at: 11_000 },
    ])
    expect(fireDue(rules, 11_000, () => undefined).edges).toMatchObject([{ value: 31 }])
  })

  it('wait for the whole duration by our clock where no sample follows, however far behind the device’s is', () => {
    const rule: ThresholdRule = {
      stream: 'climate',
      field: 't',
      operator: 'above',
      threshold: 30,
      durationSeconds: 10,
    }
    const [hour, now] = [3_600_000, 10_000_000]
    const { rules } = judge(replaceRules([], [rule]), 'climate', { t: 31 }, now - hour, now)
    expect(nextFiring(rules)).toBe(now + 10_000)
    expect(fireDue(rules, now + 9_999, () => undefined).edges).toEqual([])
    // The backlog goes on: by its own times the value was back in time.
    const back = judge(rules, 'climate', { t: 29 }, now - hour + 9_999, now + 1)
    expect(back).toMatchObject({ edges: [], rules: [{ pendingSince: null }] })
    const held = judge(rules, 'climate', { t: 29 }, now - hour + 10_000, now + 1)
    expect(held.edges.map(({ state }) => state)).toEqual(['triggered', 'cleared'])
    const late = putOff(rules, now + hour)
    expect([nextFiring(late), fireDue(late, now + hour, () => 31).edges]).toEqual([
      now + hour + 10_000,
      [],
    ])
  })

  it('may be a hundred on one stream', () => {
    const rules = Array.from({ length: 100 }, (_, index): ThresholdRule => {
      return { stream: 'climate', field: 't', operator: 'above', threshold: index }
    })
    const { edges } = judge(replaceRules([], rules), 'climate', { t: 49.5 }, 0)
    expect(edges).toHaveLength(50)
  })
})

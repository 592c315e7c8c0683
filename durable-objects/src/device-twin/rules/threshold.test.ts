import type { RuleState, ThresholdRule } from '@menagerie/contracts'
import { describe, expect, it } from 'vitest'
import { judge, replaceRules } from './threshold.ts'

const rule: ThresholdRule = { stream: 'climate', field: 't', operator: 'above', threshold: 30 }

function edges(values: (number | boolean)[], of = rule): string[] {
  let rules: readonly RuleState[] = replaceRules([], [of])
  return values.map((t) => {
    const judged = judge(rules, 'climate', { t }, 0)
    rules = judged.rules
    return judged.edges[0]?.state ?? '-'
  })
}

describe('a threshold', () => {
  it('is told of at the edge, and again only after the value came back', () => {
    expect(edges([29, 31, 32, 30, 31])).toEqual(['-', 'triggered', '-', 'cleared', 'triggered'])
    expect(edges([31, 29, 28], { ...rule, operator: 'below' })).toEqual(['-', 'triggered', '-'])
  })

  it('minds neither other types, other names nor other streams', () => {
    expect(edges([31, true, 32])).toEqual(['triggered', '-', '-'])
    const rules = replaceRules([], [{ ...rule, field: 'constructor' }])
    expect(judge(rules, 'climate', { t: 99 }, 0)).toEqual({ rules, edges: [] })
    expect(judge(rules, 'other', { t: 99 }, 0).rules).toBe(rules)
  })

  it('keeps its flag when the same rule is put again, and forgets it when it changes', () => {
    const { rules } = judge(replaceRules([], [rule]), 'climate', { t: 31 }, 0)
    expect(replaceRules(rules, [{ ...rule }])[0]?.triggered).toBe(true)
    expect(replaceRules(rules, [{ ...rule, threshold: 31 }])[0]?.triggered).toBe(false)
  })
})

import type { RuleState, TelemetryValues, ThresholdRule } from '@menagerie/contracts'
import { type JsonObject, toTimestamp } from '@menagerie/core'
import { sameJson } from './json-limits.ts'

/** A rule that a value made fire, or brought back. */
export interface RuleEdge {
  rule: ThresholdRule
  value: number
  state: 'triggered' | 'cleared'
  /** When the value was taken, milliseconds since the epoch. */
  at: number
}

/** Judges one sample by the rule of its stream. The same rules come back when no threshold is crossed. */
export function judge(
  rules: readonly RuleState[],
  stream: string,
  values: TelemetryValues,
  at: number,
): { rules: readonly RuleState[]; edge: RuleEdge | undefined } {
  const index = rules.findIndex(({ rule }) => rule.stream === stream)
  const known = rules[index]
  if (known === undefined) return { rules, edge: undefined }
  const { rule } = known
  const value = Object.hasOwn(values, rule.field) ? values[rule.field] : undefined
  if (typeof value !== 'number') return { rules, edge: undefined }
  const beyond = rule.operator === 'above' ? value > rule.threshold : value < rule.threshold
  if (beyond === known.triggered) return { rules, edge: undefined }
  const lastTriggeredAt = beyond ? toTimestamp(at) : known.lastTriggeredAt
  return {
    rules: rules.with(index, { rule, triggered: beyond, lastTriggeredAt }),
    edge: { rule, value, state: beyond ? 'triggered' : 'cleared', at },
  }
}

/** Other rules in the place of these; one that stays as it was keeps whether it is triggered. */
export const replaceRules = (
  rules: readonly RuleState[],
  wanted: readonly ThresholdRule[],
): RuleState[] =>
  wanted.map(
    (rule) =>
      rules.find((known) => sameRule(known.rule, rule)) ?? {
        rule,
        triggered: false,
        lastTriggeredAt: null,
      },
  )

const sameRule = (one: ThresholdRule, other: ThresholdRule): boolean =>
  sameJson(one as unknown as JsonObject, other as unknown as JsonObject)

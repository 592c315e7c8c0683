import type { RuleState, TelemetryValues, ThresholdRule } from '@menagerie/contracts'
import { type JsonObject, toTimestamp } from '@menagerie/core'
import { sameJson } from '../json-limits.ts'

/** A rule that fired or was cleared. */
export interface RuleEdge {
  rule: ThresholdRule
  value: number
  state: 'triggered' | 'cleared'
  /** When it came to that by the times of the samples, milliseconds since the epoch. */
  at: number
}

/** A rule as the twin keeps it. */
export interface RuleStanding extends RuleState {
  /** The first value beyond the threshold while `pendingSince` is set. */
  pendingValue?: number
  /**
   * When it fires unless a sample says otherwise before, milliseconds since the epoch. By our clock, while `pendingSince` is
   * by the device's: a clock that is behind, or a backlog that is still coming in, must not make the duration shorter.
   */
  pendingUntil?: number
}

/**
 * Judges one sample by the rules of its stream. A value holds until the next one: a rule whose duration passed before
 * this sample fired then, whatever this one says. The same rules come back when nothing changes.
 *
 * @param at when the sample was taken, milliseconds since the epoch, and not later than now
 * @param now when it is judged
 */
export function judge(
  rules: readonly RuleStanding[],
  stream: string,
  values: TelemetryValues,
  at: number,
  now = at,
): { rules: readonly RuleStanding[]; edges: RuleEdge[] } {
  const edges: RuleEdge[] = []
  let judged: RuleStanding[] | undefined
  for (const [index, known] of rules.entries()) {
    const { rule } = known
    if (rule.stream !== stream) continue
    const value = Object.hasOwn(values, rule.field) ? values[rule.field] : undefined
    if (typeof value !== 'number') continue
    const next = judgeValue(known, value, { at, now }, edges)
    if (next === known) continue
    judged ??= [...rules]
    judged[index] = next
  }
  return { rules: judged ?? rules, edges }
}

function judgeValue(
  known: RuleStanding,
  value: number,
  { at, now }: { at: number; now: number },
  edges: RuleEdge[],
): RuleStanding {
  const due = dueAt(known)
  const isDue = due !== undefined && due <= at
  const held = isDue ? fire(known, known.pendingValue ?? known.rule.threshold, due, edges) : known
  const { rule } = held
  if (held.triggered) {
    if (!isBack(rule, value)) return held
    edges.push({ rule, value, state: 'cleared', at })
    return { rule, triggered: false, pendingSince: null, lastTriggeredAt: held.lastTriggeredAt }
  }
  if (!isBeyond(rule, value))
    return held.pendingSince === null
      ? held
      : { rule, triggered: false, pendingSince: null, lastTriggeredAt: held.lastTriggeredAt }
  if (held.pendingSince !== null) return held
  if (durationMs(rule) > 0) {
    const pendingUntil = now + durationMs(rule)
    return { ...held, pendingSince: toTimestamp(at), pendingValue: value, pendingUntil }
  }
  return fire(held, value, at, edges)
}

/**
 * Fires the rules whose value has been beyond the threshold for as long as they ask, though no further sample came.
 *
 * @param latest the newest value of a rule's field, where it is known
 */
export function fireDue(
  rules: readonly RuleStanding[],
  now: number,
  latest: (rule: ThresholdRule) => number | undefined,
): { rules: readonly RuleStanding[]; edges: RuleEdge[] } {
  const edges: RuleEdge[] = []
  const fired = rules.map((known) => {
    const due = dueAt(known)
    const ringsAt = ringAt(known)
    if (due === undefined || ringsAt === undefined || ringsAt > now) return known
    const { rule, pendingValue } = known
    const newest = latest(rule)
    const value = newest !== undefined && isBeyond(rule, newest) ? newest : pendingValue
    return fire(known, value ?? rule.threshold, due, edges)
  })
  return { rules: edges.length === 0 ? rules : fired, edges }
}

/**
 * Lets every duration that has passed begin anew: in an outage of this side nobody could hear that a value came back. What
 * was sent meanwhile is judged by its own times.
 */
export const putOff = (rules: readonly RuleStanding[], now: number): readonly RuleStanding[] =>
  rules.map((known) => {
    const ringsAt = ringAt(known)
    return ringsAt === undefined || ringsAt > now
      ? known
      : { ...known, pendingUntil: now + durationMs(known.rule) }
  })

/** When the next rule fires unless a value comes back before, milliseconds since the epoch. */
export function nextFiring(rules: readonly RuleStanding[]): number | undefined {
  let next: number | undefined
  for (const known of rules) {
    const ringsAt = ringAt(known)
    if (ringsAt !== undefined && (next === undefined || ringsAt < next)) next = ringsAt
  }
  return next
}

const durationMs = ({ durationSeconds = 0 }: ThresholdRule): number => durationSeconds * 1000

/** When the duration has passed by the times of the samples. */
const dueAt = ({ rule, pendingSince }: RuleStanding): number | undefined =>
  pendingSince === null ? undefined : Date.parse(pendingSince) + durationMs(rule)

/** When it has passed by our clock. */
const ringAt = (known: RuleStanding): number | undefined =>
  known.pendingSince === null ? undefined : (known.pendingUntil ?? dueAt(known))

function fire({ rule }: RuleStanding, value: number, at: number, edges: RuleEdge[]): RuleStanding {
  edges.push({ rule, value, state: 'triggered', at })
  return { rule, triggered: true, pendingSince: null, lastTriggeredAt: toTimestamp(at) }
}

const isBeyond = ({ operator, threshold }: ThresholdRule, value: number): boolean =>
  operator === 'above' ? value > threshold : value < threshold

/** Inside the threshold by the hysteresis; between, a rule stays as it is. */
const isBack = ({ operator, threshold, hysteresis = 0 }: ThresholdRule, value: number): boolean =>
  operator === 'above' ? value <= threshold - hysteresis : value >= threshold + hysteresis

/** Other rules in the place of these; one that stays as it was keeps how it stands. */
export const replaceRules = (
  rules: readonly RuleStanding[],
  wanted: readonly ThresholdRule[],
): RuleStanding[] =>
  wanted.map(
    (rule) =>
      rules.find((known) => sameRule(known.rule, rule)) ?? {
        rule,
        triggered: false,
        pendingSince: null,
        lastTriggeredAt: null,
      },
  )

const sameRule = (one: ThresholdRule, other: ThresholdRule): boolean =>
  sameJson(one as unknown as JsonObject, other as unknown as JsonObject)

/** How a rule stands, as it is shown. */
export const toRuleState = ({
  rule,
  triggered,
  pendingSince,
  lastTriggeredAt,
}: RuleStanding): RuleState => ({ rule, triggered, pendingSince, lastTriggeredAt })

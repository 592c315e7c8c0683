import { type Metric, type MetricName, metricNames } from '@menagerie/contracts'
import type { CallCounters } from '../history/history-store.ts'

/** Sums over the contacts that entered a queue in an interval. */
export interface ContactCounters {
  offered: number
  answered: number
  abandoned: number
  shortAbandons: number
  answeredWithinThreshold: number
  waitSecondsOfAnswered: number
  handleSeconds: number
}

/** There are no queues of contacts yet: nobody enters one, and nothing tells `contact.*` events. */
export const noContacts: ContactCounters = {
  offered: 0,
  answered: 0,
  abandoned: 0,
  shortAbandons: 0,
  answeredWithinThreshold: 0,
  waitSecondsOfAnswered: 0,
  handleSeconds: 0,
}

/** All that a metric may be made of. */
export interface Counters {
  calls: CallCounters
  contacts: ContactCounters
}

interface Rule {
  /** What people read. */
  definition: (serviceLevelSeconds: number) => string
  value: (counters: Counters) => number
  /** Makes it a ratio, `value ÷ denominator`, which is `null` where this is 0. */
  denominator?: (counters: Counters) => number
}

/** Every number of the reports and what it means (contract §7). */
const rules: Readonly<Record<MetricName, Rule>> = {
  calls: {
    definition: () => 'Calls that began in the interval, whatever became of them',
    value: ({ calls }) => calls.calls,
  },
  callsAnswered: {
    definition: () => 'Calls that began in the interval and were answered',
    value: ({ calls }) => calls.callsAnswered,
  },
  talkSeconds: {
    definition: () => 'Seconds talked in the calls that began in the interval and are over',
    value: ({ calls }) => calls.talkSeconds,
  },
  averageTalkSeconds: {
    definition: () => 'Seconds talked ÷ calls that were answered and are over',
    value: ({ calls }) => calls.talkSeconds,
    denominator: ({ calls }) => calls.callsTalked,
  },
  offered: {
    definition: () => 'Contacts that entered a queue in the interval',
    value: ({ contacts }) => contacts.offered,
  },
  answered: {
    definition: () => 'Offered contacts that an agent answered',
    value: ({ contacts }) => contacts.answered,
  },
  abandoned: {
    definition: () => 'Offered contacts whose customer left while waiting',
    value: ({ contacts }) => contacts.abandoned,
  },
  shortAbandons: {
    definition: () => 'Abandoned contacts whose customer left within 5 seconds',
    value: ({ contacts }) => contacts.shortAbandons,
  },
  serviceLevel: {
    definition: (seconds) =>
      `Contacts answered within ${seconds} seconds ÷ (offered − short abandons)`,
    value: ({ contacts }) => contacts.answeredWithinThreshold,
    denominator: ({ contacts }) => contacts.offered - contacts.shortAbandons,
  },
  averageSpeedOfAnswerSeconds: {
    definition: () => 'Seconds that answered contacts waited ÷ answered',
    value: ({ contacts }) => contacts.waitSecondsOfAnswered,
    denominator: ({ contacts }) => contacts.answered,
  },
  averageHandleTimeSeconds: {
    definition: () => 'Seconds of talk, hold and after-contact work ÷ answered',
    value: ({ contacts }) => contacts.handleSeconds,
    denominator: ({ contacts }) => contacts.answered,
  },
  abandonRate: {
    definition: () => '(Abandoned − short abandons) ÷ (offered − short abandons)',
    value: ({ contacts }) => contacts.abandoned - contacts.shortAbandons,
    denominator: ({ contacts }) => contacts.offered - contacts.shortAbandons,
  },
}

/** A metric with its definition and, for a ratio, both of its parts. */
export function metricOf(
  name: MetricName,
  counters: Counters,
  serviceLevelSeconds: number,
): Metric {
  const { definition, value, denominator } = rules[name]
  const said = definition(serviceLevelSeconds)
  if (denominator === undefined) return { value: value(counters), definition: said }
  const parts = { numerator: value(counters), denominator: denominator(counters) }
  return {
    value: parts.denominator === 0 ? null : parts.numerator / parts.denominator,
    ...parts,
    definition: said,
  }
}

/** All metrics of some counters. */
export const metricsOf = (counters: Counters, serviceLevelSeconds: number) =>
  eachMetric((name) => metricOf(name, counters, serviceLevelSeconds))

/** All metrics of some counters, their values alone. */
export const valuesOf = (counters: Counters): Record<MetricName, number | null> =>
  eachMetric((name) => metricOf(name, counters, 0).value)

/** What each metric means. */
export const definitionsOf = (serviceLevelSeconds: number): Record<MetricName, string> =>
  eachMetric((name) => rules[name].definition(serviceLevelSeconds))

const eachMetric = <T>(of: (name: MetricName) => T) =>
  Object.fromEntries(metricNames.map((name) => [name, of(name)])) as Record<MetricName, T>

import { z } from '@hono/zod-openapi'
import { Id, queryInteger, Timestamp, TimeZone } from './primitives.ts'

export const Interval = z.enum(['15min', 'hour', 'day', 'week', 'month'])
export type Interval = z.infer<typeof Interval>

const ReportFilters = {
  /** Half-open: `from` ≤ start of the call < `to`. The last 24 hours unless given. */
  from: Timestamp.optional(),
  to: Timestamp.optional(),
  timeZone: TimeZone.default('UTC'),
  queueId: Id.optional(),
  agentId: Id.optional(),
  /** Seconds within which an answer counts for the service level. */
  serviceLevelSeconds: queryInteger(1, 3600).default(20),
  format: z.enum(['json', 'csv']).default('json'),
}

export const SummaryQuery = z.strictObject({ ...ReportFilters, interval: Interval.default('day') })
export type SummaryQuery = z.infer<typeof SummaryQuery>

export const CallsReportQuery = z.strictObject({
  ...ReportFilters,
  interval: Interval.optional(),
  groupBy: z.enum(['queue', 'agent', 'direction', 'hour']).default('direction'),
})
export type CallsReportQuery = z.infer<typeof CallsReportQuery>

/** A number with what it means; a ratio with both of its parts. `null` where nothing was there to divide by. */
export const Metric = z
  .strictObject({
    value: z.number().nullable(),
    numerator: z.number().optional(),
    denominator: z.number().optional(),
    definition: z.string(),
  })
  .openapi('Metric')
export type Metric = z.infer<typeof Metric>

/** The numbers of contract §7, in the order in which every report shows them. */
export const metricNames = [
  'calls',
  'callsAnswered',
  'talkSeconds',
  'averageTalkSeconds',
  'offered',
  'answered',
  'abandoned',
  'shortAbandons',
  'serviceLevel',
  'averageSpeedOfAnswerSeconds',
  'averageHandleTimeSeconds',
  'abandonRate',
] as const
export const MetricName = z.enum(metricNames)
export type MetricName = z.infer<typeof MetricName>

const nullableNumber = z.number().nullable()
const metricValues = Object.fromEntries(metricNames.map((name) => [name, nullableNumber])) as {
  [N in MetricName]: typeof nullableNumber
}

export const SummaryReport = z
  .strictObject({
    from: Timestamp,
    to: Timestamp,
    timeZone: z.string(),
    interval: Interval,
    totals: z.record(MetricName, Metric),
    series: z.array(z.strictObject({ start: Timestamp, end: Timestamp, ...metricValues })),
  })
  .openapi('SummaryReport')
export type SummaryReport = z.infer<typeof SummaryReport>

export const CallsReportRow = z
  .strictObject({
    /** The group: a queue's or an agent's id, a direction, or an hour's start; `null` for calls without one. */
    group: z.string().nullable(),
    ...metricValues,
  })
  .openapi('CallsReportRow')
export type CallsReportRow = z.infer<typeof CallsReportRow>

export const CallsReport = z
  .strictObject({
    from: Timestamp,
    to: Timestamp,
    timeZone: z.string(),
    groupBy: z.enum(['queue', 'agent', 'direction', 'hour']),
    definitions: z.record(MetricName, z.string()),
    rows: z.array(CallsReportRow),
  })
  .openapi('CallsReport')
export type CallsReport = z.infer<typeof CallsReport>

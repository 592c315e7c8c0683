import { metricNames, type SummaryQuery, type SummaryReport } from '@menagerie/contracts'
import { toTimestamp } from '@menagerie/core'
import { addCounters, type HistoryStore, noCalls } from '../history/history-store.ts'
import { metricsOf, noContacts, valuesOf } from './definitions.ts'
import { intervalsIn, rangeOf } from './range.ts'

export const summaryColumns = ['start', 'end', ...metricNames] as const

/** The numbers of a range, and of each interval in it; the totals are the sums of the intervals. */
export async function summaryReport(
  history: HistoryStore,
  query: SummaryQuery,
  now: number,
): Promise<SummaryReport> {
  const { interval, timeZone, serviceLevelSeconds, queueId, agentId } = query
  const range = rangeOf(query, now)
  const intervals = intervalsIn(range, interval, timeZone)
  const counts = await history.count({ intervals, queueId, agentId })
  const byInterval = new Map(counts.map((count) => [count.interval, count.counters]))
  const total = counts.map(({ counters }) => counters).reduce(addCounters, noCalls)
  return {
    from: toTimestamp(range.start),
    to: toTimestamp(range.end),
    timeZone,
    interval,
    totals: metricsOf({ calls: total, contacts: noContacts }, serviceLevelSeconds),
    series: intervals.map(({ start, end }, index) => ({
      start: toTimestamp(start),
      end: toTimestamp(end),
      ...valuesOf({ calls: byInterval.get(index) ?? noCalls, contacts: noContacts }),
    })),
  }
}

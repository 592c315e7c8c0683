import {
  type CallsReport,
  type CallsReportQuery,
  type CallsReportRow,
  metricNames,
} from '@menagerie/contracts'
import { toTimestamp } from '@menagerie/core'
import {
  type CallCounters,
  type GroupName,
  type HistoryStore,
  type Interval,
  noCalls,
} from '../history/history-store.ts'
import { definitionsOf, noContacts, valuesOf } from './definitions.ts'
import { intervalsIn, rangeOf } from './range.ts'

export const callsColumns = ['group', ...metricNames] as const

/** The numbers of a range by queue, agent or direction, or of each hour that a time zone's clocks show. */
export async function callsReport(
  history: HistoryStore,
  query: CallsReportQuery,
  now: number,
): Promise<CallsReport> {
  const { groupBy, timeZone, serviceLevelSeconds } = query
  const range = rangeOf(query, now)
  const rows =
    groupBy === 'hour'
      ? await hourRows(history, query, intervalsIn(range, 'hour', timeZone))
      : await groupRows(history, query, range, groupBy)
  return {
    from: toTimestamp(range.start),
    to: toTimestamp(range.end),
    timeZone,
    groupBy,
    definitions: definitionsOf(serviceLevelSeconds),
    rows,
  }
}

async function hourRows(
  history: HistoryStore,
  { queueId, agentId }: CallsReportQuery,
  intervals: readonly Interval[],
): Promise<CallsReportRow[]> {
  const counts = await history.count({ intervals, queueId, agentId })
  const byHour = new Map(counts.map(({ interval, counters }) => [interval, counters]))
  return intervals.map(({ start }, index) => toRow(toTimestamp(start), byHour.get(index)))
}

/** By name, with the calls that have no queue or agent at the end. */
async function groupRows(
  history: HistoryStore,
  { queueId, agentId }: CallsReportQuery,
  range: Interval,
  groupBy: GroupName,
): Promise<CallsReportRow[]> {
  const counts = await history.count({ intervals: [range], queueId, agentId, groupBy })
  return counts
    .map(({ group, counters }) => toRow(group, counters))
    .sort((a, b) => {
      if (a.group === null || b.group === null)
        return a.group === b.group ? 0 : a.group === null ? 1 : -1
      return a.group < b.group ? -1 : 1
    })
}

const toRow = (group: string | null, calls: CallCounters = noCalls): CallsReportRow => ({
  group,
  ...valuesOf({ calls, contacts: noContacts }),
})

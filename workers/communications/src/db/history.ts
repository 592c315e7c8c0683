import {
  type CallDirection,
  type CallHistoryQuery,
  CallRecord,
  type CallStatus,
} from '@menagerie/contracts'
import { toTimestamp } from '@menagerie/core'

/** What a list of calls is narrowed to. */
export type HistoryFilters = Omit<CallHistoryQuery, 'limit' | 'cursor' | 'format'>

/** A place in the list: milliseconds since the epoch, and the call there. */
export type HistoryPosition = readonly [createdAt: number, id: string]

interface Row {
  id: string
  direction: CallDirection
  from_address: string
  to_address: string
  status: CallStatus
  queue_id: string | null
  agent_id: string | null
  created_at: number
  offered_at: number | null
  answered_at: number | null
  ended_at: number | null
  wait_seconds: number | null
  talk_seconds: number
  hold_seconds: number
  after_contact_work_seconds: number
  duration_seconds: number
  disposition: string | null
  hangup_cause: string | null
}

export interface HistoryPage {
  records: CallRecord[]
  /** Where to go on; missing on the last page. */
  next?: HistoryPosition
}

/**
 * A page of calls, newest first.
 *
 * @param memberId only this user's calls; everybody's when `undefined`
 * @param after the last call of the page before
 */
export async function listCalls(
  db: D1Database,
  memberId: string | undefined,
  filters: HistoryFilters,
  limit: number,
  after: HistoryPosition | undefined,
): Promise<HistoryPage> {
  const wanted = conditions(filters)
  // A user's own calls come in the order of their index, everybody's in that of the calls'.
  const at = memberId === undefined ? 'calls.created_at' : 'call_members.created_at'
  const id = memberId === undefined ? 'calls.id' : 'call_members.call_id'
  const source =
    memberId === undefined
      ? 'calls'
      : 'call_members JOIN calls ON calls.id = call_members.call_id AND call_members.user_id = ?'
  if (after !== undefined) wanted.push([`(${at}, ${id}) < (?, ?)`, [...after]])
  if (filters.from !== undefined) wanted.push([`${at} >= ?`, [Date.parse(filters.from)]])
  if (filters.to !== undefined) wanted.push([`${at} < ?`, [Date.parse(filters.to)]])
  const where = wanted.length === 0 ? '' : `WHERE ${wanted.map(([text]) => text).join(' AND ')}`
  const { results } = await db
    .prepare(`SELECT calls.* FROM ${source} ${where} ORDER BY ${at} DESC, ${id} DESC LIMIT ?`)
    .bind(
      ...(memberId === undefined ? [] : [memberId]),
      ...wanted.flatMap(([, values]) => values),
      limit + 1,
    )
    .all<Row>()
  const rows = results.slice(0, limit)
  const last = rows.at(-1)
  return {
    records: rows.map(toRecord),
    ...(results.length > limit && last ? { next: [last.created_at, last.id] } : {}),
  }
}

/** How many calls have not ended. */
export async function countActive(db: D1Database): Promise<number> {
  const row = await db
    .prepare('SELECT count(*) AS count FROM calls WHERE ended_at IS NULL')
    .first<{ count: number }>()
  return row?.count ?? 0
}

function conditions(filters: HistoryFilters): [string, (string | number)[]][] {
  const { status, direction, queueId, agentId, number } = filters
  const wanted: [string, (string | number)[]][] = []
  if (status !== undefined) wanted.push(['calls.status = ?', [status]])
  if (direction !== undefined) wanted.push(['calls.direction = ?', [direction]])
  if (queueId !== undefined) wanted.push(['calls.queue_id = ?', [queueId]])
  if (agentId !== undefined) wanted.push(['calls.agent_id = ?', [agentId]])
  if (number !== undefined)
    wanted.push(['(calls.from_address = ? OR calls.to_address = ?)', [number, number]])
  return wanted
}

const timeOrNull = (at: number | null): string | null => (at === null ? null : toTimestamp(at))

const toRecord = (row: Row): CallRecord => ({
  id: row.id,
  direction: row.direction,
  from: row.from_address,
  to: row.to_address,
  status: row.status,
  queueId: row.queue_id,
  agentId: row.agent_id,
  offeredAt: timeOrNull(row.offered_at),
  answeredAt: timeOrNull(row.answered_at),
  endedAt: timeOrNull(row.ended_at),
  waitSeconds: row.wait_seconds,
  talkSeconds: row.talk_seconds,
  holdSeconds: row.hold_seconds,
  afterContactWorkSeconds: row.after_contact_work_seconds,
  durationSeconds: row.duration_seconds,
  disposition: row.disposition,
  hangupCause: row.hangup_cause,
})

/** The columns of the history, in the contract's order. */
export const recordColumns = Object.keys(CallRecord.shape) as (keyof CallRecord)[]

import { type CallHistoryQuery, CallRecord } from '@menagerie/contracts'
import { type ListPage, pageOf } from '@menagerie/core'
import { type CallRow, toCallRecord } from '@menagerie/durable-objects/call-row'

/** What a list of calls is narrowed to. */
export type HistoryFilters = Omit<CallHistoryQuery, 'limit' | 'cursor' | 'format'>

/** A place in the list: milliseconds since the epoch, and the call there. */
export type HistoryPosition = readonly [createdAt: number, id: string]

/** A statement and what is bound to it. */
export interface BoundQuery {
  sql: string
  values: (string | number)[]
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
): Promise<ListPage<CallRecord, HistoryPosition>> {
  const { sql, values } = historyQuery(memberId, filters, limit + 1, after)
  const { results } = await db
    .prepare(sql)
    .bind(...values)
    .all<CallRow>()
  return pageOf(results, limit, toCallRecord, ({ created_at, id }) => [created_at, id])
}

/** The query of a page: every filter has an index to walk in the order of the page, so none reads more than it shows. */
export function historyQuery(
  memberId: string | undefined,
  filters: HistoryFilters,
  limit: number,
  after: HistoryPosition | undefined,
): BoundQuery {
  const { number } = filters
  const arm = (more: Condition[]) =>
    armOf(memberId, [...conditions(filters), ...more], filters, limit, after)
  if (number === undefined) return arm([])
  // Either side has its own index; a call to oneself counts once.
  const arms = [
    arm([['calls.from_address = ?', [number]]]),
    arm([['calls.to_address = ? AND calls.from_address <> ?', [number, number]]]),
  ]
  return {
    sql: `${arms.map(({ sql }) => `SELECT * FROM (${sql})`).join(' UNION ALL ')}
      ORDER BY created_at DESC, id DESC LIMIT ?`,
    values: [...arms.flatMap(({ values }) => values), limit],
  }
}

function armOf(
  memberId: string | undefined,
  wanted: Condition[],
  { from, to }: HistoryFilters,
  limit: number,
  after: HistoryPosition | undefined,
): BoundQuery {
  // A user's own calls come in the order of their index, everybody's in that of the calls'.
  const at = memberId === undefined ? 'calls.created_at' : 'call_members.created_at'
  const id = memberId === undefined ? 'calls.id' : 'call_members.call_id'
  const source =
    memberId === undefined
      ? 'calls'
      : 'call_members JOIN calls ON calls.id = call_members.call_id AND call_members.user_id = ?'
  const all: Condition[] = [...wanted]
  if (after !== undefined) all.push([`(${at}, ${id}) < (?, ?)`, [...after]])
  if (from !== undefined) all.push([`${at} >= ?`, [Date.parse(from)]])
  if (to !== undefined) all.push([`${at} < ?`, [Date.parse(to)]])
  const where = all.length === 0 ? '' : `WHERE ${all.map(([text]) => text).join(' AND ')}`
  return {
    sql: `SELECT calls.* FROM ${source} ${where} ORDER BY ${at} DESC, ${id} DESC LIMIT ?`,
    values: [
      ...(memberId === undefined ? [] : [memberId]),
      ...all.flatMap(([, values]) => values),
      limit,
    ],
  }
}

/** How many calls have not ended. */
export async function countActive(db: D1Database): Promise<number> {
  const row = await db
    .prepare('SELECT count(*) AS count FROM calls WHERE ended_at IS NULL')
    .first<{ count: number }>()
  return row?.count ?? 0
}

/** A condition and what is bound to it. */
type Condition = [text: string, values: (string | number)[]]

function conditions({ status, direction, queueId, agentId }: HistoryFilters): Condition[] {
  const wanted: Condition[] = []
  if (status !== undefined) wanted.push(['calls.status = ?', [status]])
  if (direction !== undefined) wanted.push(['calls.direction = ?', [direction]])
  if (queueId !== undefined) wanted.push(['calls.queue_id = ?', [queueId]])
  if (agentId !== undefined) wanted.push(['calls.agent_id = ?', [agentId]])
  return wanted
}

/** The columns of the history, in the contract's order. */
export const recordColumns = Object.keys(CallRecord.shape) as (keyof CallRecord)[]

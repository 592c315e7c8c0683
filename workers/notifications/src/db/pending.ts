import type { PendingNotification, PendingQuery } from '@menagerie/contracts'
import { type ListPage, pageOf, toTimestamp } from '@menagerie/core'

/** What the list is narrowed to. */
export type PendingFilters = Pick<PendingQuery, 'channel' | 'category' | 'before'>

/** A place in the list: milliseconds since the epoch, and the notification there. */
export type PendingPosition = readonly [nextAt: number, id: string]

interface Row {
  id: string
  recipient: string
  category: string
  channels: string
  status: PendingNotification['status']
  send_at: number
  next_attempt_at: number | null
  next_at: number
  attempts: number
}

/**
 * A page of what is still to be sent, the next first.
 *
 * @param owner only what is for this user; everybody's when `undefined`
 * @param after the last of the page before
 */
export async function listPending(
  db: D1Database,
  owner: string | undefined,
  { channel, category, before }: PendingFilters,
  limit: number,
  after: PendingPosition | undefined,
): Promise<ListPage<PendingNotification, PendingPosition>> {
  const wanted: [string, (string | number)[]][] = [
    ["status IN ('scheduled', 'held', 'queued')", []],
  ]
  if (owner !== undefined) wanted.push(['owner = ?', [owner]])
  if (category !== undefined) wanted.push(['category = ?', [category]])
  if (before !== undefined) wanted.push(['send_at < ?', [Date.parse(before)]])
  if (channel !== undefined)
    wanted.push(['EXISTS (SELECT 1 FROM json_each(channels) WHERE value = ?)', [channel]])
  if (after !== undefined) wanted.push(['(next_at, id) > (?, ?)', [...after]])
  const { results } = await db
    .prepare(
      `SELECT * FROM notifications WHERE ${wanted.map(([text]) => text).join(' AND ')}
       ORDER BY next_at, id LIMIT ?`,
    )
    .bind(...wanted.flatMap(([, values]) => values), limit + 1)
    .all<Row>()
  return pageOf(results, limit, toPending, ({ next_at, id }) => [next_at, id])
}

/** The mailbox a notification lies in; `undefined` for one that is not listed. */
export async function findMailbox(db: D1Database, id: string): Promise<string | undefined> {
  const row = await db
    .prepare('SELECT mailbox FROM notifications WHERE id = ?')
    .bind(id)
    .first<{ mailbox: string }>()
  return row?.mailbox
}

const toPending = (row: Row): PendingNotification => ({
  id: row.id,
  recipient: JSON.parse(row.recipient) as PendingNotification['recipient'],
  category: row.category,
  channels: JSON.parse(row.channels) as PendingNotification['channels'],
  status: row.status,
  sendAt: toTimestamp(row.send_at),
  nextAttemptAt: row.next_attempt_at === null ? null : toTimestamp(row.next_attempt_at),
  attempts: row.attempts,
})

import type { Queue } from '@menagerie/contracts'
import { toTimestamp } from '@menagerie/core'
import { queueStatement } from '@menagerie/durable-objects/contact-queue'

interface Row {
  id: string
  name: string
  skills: string
  priority: number
  reservation_timeout_seconds: number
  service_level_seconds: number
  version: number
  created_at: number
  updated_at: number
}

/** A place in the list. */
export type QueuePosition = readonly [name: string, id: string]

export interface QueuePage {
  queues: Queue[]
  /** Where to go on; missing on the last page. */
  next?: QueuePosition
}

/** A page of queues by name. @param after the last queue of the page before */
export async function listQueues(
  db: D1Database,
  limit: number,
  after: QueuePosition | undefined,
): Promise<QueuePage> {
  const place = after === undefined ? '' : 'AND (name, id) > (?, ?)'
  const { results } = await db
    .prepare(
      `SELECT * FROM queues WHERE removed_at IS NULL ${place} ORDER BY name, id LIMIT ${limit + 1}`,
    )
    .bind(...(after ?? []))
    .all<Row>()
  const rows = results.slice(0, limit)
  const last = rows.at(-1)
  return {
    queues: rows.map(toQueue),
    ...(results.length > limit && last ? { next: [last.name, last.id] } : {}),
  }
}

/** Shows a queue in the list before its own word of it arrives there; an older one changes nothing. */
export async function showQueue(db: D1Database, queue: Queue): Promise<void> {
  await queueStatement(db, { queue, removedAt: null }).run()
}

/** Takes a removed queue out of the list, for good. */
export async function hideQueue(db: D1Database, id: string, now: number): Promise<void> {
  await db
    .prepare('UPDATE queues SET removed_at = ? WHERE id = ? AND removed_at IS NULL')
    .bind(now, id)
    .run()
}

const toQueue = (row: Row): Queue => ({
  id: row.id,
  name: row.name,
  skills: JSON.parse(row.skills) as string[],
  priority: row.priority,
  reservationTimeoutSeconds: row.reservation_timeout_seconds,
  serviceLevelSeconds: row.service_level_seconds,
  version: row.version,
  createdAt: toTimestamp(row.created_at),
  updatedAt: toTimestamp(row.updated_at),
})

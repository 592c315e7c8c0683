import type { Queue } from '@menagerie/contracts'
import { type ListPage, pageOf, toTimestamp } from '@menagerie/core'
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

/** A page of queues by name. @param after the last queue of the page before */
export async function listQueues(
  db: D1Database,
  limit: number,
  after: QueuePosition | undefined,
): Promise<ListPage<Queue, QueuePosition>> {
  const place = after === undefined ? '' : 'AND (name, id) > (?, ?)'
  const { results } = await db
    .prepare(
      `SELECT * FROM queues WHERE removed_at IS NULL ${place} ORDER BY name, id LIMIT ${limit + 1}`,
    )
    .bind(...(after ?? []))
    .all<Row>()
  return pageOf(results, limit, toQueue, ({ name, id }) => [name, id])
}

/**
 * Shows a queue in the list before its own word of it arrives there; an older one changes nothing. Never throws: what
 * was asked has been done by then, and where the list is away that word comes later.
 */
export const showQueue = (db: D1Database, queue: Queue): Promise<void> =>
  ifThere(() => queueStatement(db, { queue, removedAt: null }).run())

/** Takes a removed queue out of the list, for good. Never throws, as above. */
export const hideQueue = (db: D1Database, id: string, now: number): Promise<void> =>
  ifThere(() =>
    db
      .prepare('UPDATE queues SET removed_at = ? WHERE id = ? AND removed_at IS NULL')
      .bind(now, id)
      .run(),
  )

async function ifThere(write: () => Promise<unknown>): Promise<void> {
  try {
    await write()
  } catch {
    // The queue's outbox tries the same write until it succeeds, and logs what fails.
  }
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

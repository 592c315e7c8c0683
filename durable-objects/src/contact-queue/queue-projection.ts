import type { Queue } from '@menagerie/contracts'
import type { JsonObject } from '@menagerie/core'
import type { Destination } from '../journal/types.ts'
import type { QueueState } from './queue-model.ts'
import { toQueue } from './queue-view.ts'

/** A queue's row as of its `version`, which grows with every change of what the row shows. */
export interface ProjectedQueue {
  queue: Queue
  /** Milliseconds since the epoch. */
  removedAt: number | null
}

export const toProjected = ({ settings, removedAt }: QueueState): ProjectedQueue => ({
  queue: toQueue(settings),
  removedAt,
})

// An older row never overwrites a newer one, however late and often it arrives.
const upsert = `INSERT INTO queues (id, seq, name, skills, priority, reservation_timeout_seconds,
  service_level_seconds, version, created_at, updated_at, removed_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET seq = excluded.seq, name = excluded.name, skills = excluded.skills,
  priority = excluded.priority, reservation_timeout_seconds = excluded.reservation_timeout_seconds,
  service_level_seconds = excluded.service_level_seconds, version = excluded.version,
  updated_at = excluded.updated_at, removed_at = excluded.removed_at
WHERE excluded.seq > queues.seq`

/** The statement that writes a row into the list of queues. */
export const queueStatement = (
  db: D1Database,
  { queue, removedAt }: ProjectedQueue,
): D1PreparedStatement =>
  db
    .prepare(upsert)
    .bind(
      queue.id,
      queue.version,
      queue.name,
      JSON.stringify(queue.skills),
      queue.priority,
      queue.reservationTimeoutSeconds,
      queue.serviceLevelSeconds,
      queue.version,
      Date.parse(queue.createdAt),
      Date.parse(queue.updatedAt),
      removedAt,
    )

/** The list's row in D1, made again from what the queue knows. */
export const projectionDestination = (db: D1Database): Destination => ({
  delivery: 'confirmed',
  batchSize: 50,
  async send(rows: readonly { id: string; body: JsonObject }[]) {
    await db.batch(rows.map(({ body }) => queueStatement(db, body as unknown as ProjectedQueue)))
  },
})

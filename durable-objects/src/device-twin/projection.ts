import type { Destination } from '../journal/index.ts'

/** A device's row as of its event `seq`; times in milliseconds since the epoch. */
interface ProjectionBody {
  seq: number
  id: string
  name: string
  ownerId: string
  metadata: Record<string, string>
  state: string
  lastSeenAt: number | null
  createdAt: number
}

// An older row never overwrites a newer one, however late and often it arrives.
const upsert = `INSERT INTO devices (id, seq, name, owner_id, metadata, state, last_seen_at, created_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET seq = excluded.seq, name = excluded.name, owner_id = excluded.owner_id,
  metadata = excluded.metadata, state = excluded.state, last_seen_at = excluded.last_seen_at
WHERE excluded.seq > devices.seq`

/** The registry's rows in D1, made again from what the twin knows. */
export const projectionDestination = (db: D1Database): Destination => ({
  delivery: 'confirmed',
  batchSize: 50,
  async send(rows) {
    await db.batch(
      rows.map(({ body }) => {
        const device = body as unknown as ProjectionBody
        return db
          .prepare(upsert)
          .bind(
            device.id,
            device.seq,
            device.name,
            device.ownerId,
            JSON.stringify(device.metadata),
            device.state,
            device.lastSeenAt,
            device.createdAt,
          )
      }),
    )
  },
})

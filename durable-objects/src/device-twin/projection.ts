import type { Destination } from '../journal/index.ts'

/** A device's row as of its event `seq`; times in milliseconds since the epoch. */
interface ProjectionBody {
  seq: number
  id: string
  name: string
  ownerId: string
  metadata: Record<string, string>
  /** Missing in what was kept for sending before there were any. */
  tags?: string[]
  inactivityTimeoutSeconds?: number | null
  active?: boolean
  state: string
  lastSeenAt: number | null
  createdAt: number
  deleted?: boolean
}

// An older row never overwrites a newer one, however late and often it arrives, and none brings a removed device back.
const upsert = `INSERT INTO devices (id, seq, name, owner_id, metadata, tags, inactivity_timeout_seconds, active,
  state, last_seen_at, created_at)
SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11
WHERE NOT EXISTS (SELECT 1 FROM retired_devices WHERE id = ?1)
ON CONFLICT (id) DO UPDATE SET seq = excluded.seq, name = excluded.name, owner_id = excluded.owner_id,
  metadata = excluded.metadata, tags = excluded.tags,
  inactivity_timeout_seconds = excluded.inactivity_timeout_seconds, active = excluded.active, state = excluded.state,
  last_seen_at = excluded.last_seen_at
WHERE excluded.seq > devices.seq`

// In the transaction of the row, and only where the row is this one. What stays as it was is not written.
const dropTags = `DELETE FROM device_tags WHERE device_id = ?1
AND (owner_id <> ?3 OR tag NOT IN (SELECT value FROM json_each(?4)))
AND EXISTS (SELECT 1 FROM devices WHERE id = ?1 AND seq = ?2)`
const addTags = `INSERT OR IGNORE INTO device_tags (device_id, tag, owner_id)
SELECT ?1, value, ?3 FROM json_each(?4) WHERE EXISTS (SELECT 1 FROM devices WHERE id = ?1 AND seq = ?2)`

/** The registry's rows in D1, made again from what the twin knows. */
export const projectionDestination = (db: D1Database): Destination => ({
  delivery: 'confirmed',
  batchSize: 50,
  async send(rows) {
    await db.batch(rows.flatMap(({ body }) => statements(db, body as unknown as ProjectionBody)))
  },
})

function statements(db: D1Database, device: ProjectionBody): D1PreparedStatement[] {
  const { id, seq, name, ownerId, state, lastSeenAt, createdAt } = device
  if (device.deleted === true)
    return [
      db.prepare('INSERT OR IGNORE INTO retired_devices (id) VALUES (?)').bind(id),
      db.prepare('DELETE FROM devices WHERE id = ?').bind(id),
      db.prepare('DELETE FROM device_tags WHERE device_id = ?').bind(id),
    ]
  const metadata = JSON.stringify(device.metadata)
  const tags = JSON.stringify(device.tags ?? [])
  const timeout = device.inactivityTimeoutSeconds ?? null
  const active = device.active === false ? 0 : 1
  return [
    db
      .prepare(upsert)
      .bind(id, seq, name, ownerId, metadata, tags, timeout, active, state, lastSeenAt, createdAt),
    db.prepare(dropTags).bind(id, seq, ownerId, tags),
    db.prepare(addTags).bind(id, seq, ownerId, tags),
  ]
}

import type { CallRecord } from '@menagerie/contracts'
import type { JsonObject } from '@menagerie/core'
import type { Destination } from '../journal/index.ts'

/** A call's row as of its event `seq`. */
interface ProjectionBody {
  seq: number
  /** Milliseconds since the epoch. */
  createdAt: number
  record: CallRecord
  members: string[]
}

// An older row never overwrites a newer one, however late and often it arrives.
const upsert = `INSERT INTO calls (id, seq, direction, from_address, to_address, status, queue_id, agent_id,
  created_at, offered_at, answered_at, ended_at, wait_seconds, talk_seconds, hold_seconds,
  after_contact_work_seconds, duration_seconds, disposition, hangup_cause)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET seq = excluded.seq, status = excluded.status, queue_id = excluded.queue_id,
  agent_id = excluded.agent_id, offered_at = excluded.offered_at, answered_at = excluded.answered_at,
  ended_at = excluded.ended_at, wait_seconds = excluded.wait_seconds, talk_seconds = excluded.talk_seconds,
  hold_seconds = excluded.hold_seconds, after_contact_work_seconds = excluded.after_contact_work_seconds,
  duration_seconds = excluded.duration_seconds, disposition = excluded.disposition,
  hangup_cause = excluded.hangup_cause
WHERE excluded.seq > calls.seq`

// Whose call it is not any more, as long as nothing newer is known.
const dropMembers = `DELETE FROM call_members WHERE call_id = ?1
AND user_id NOT IN (SELECT value FROM json_each(?2))
AND EXISTS (SELECT 1 FROM calls WHERE id = ?1 AND seq <= ?3)`

const addMember = `INSERT INTO call_members (user_id, call_id, created_at)
SELECT value, ?1, ?2 FROM json_each(?3)
WHERE EXISTS (SELECT 1 FROM calls WHERE id = ?1 AND seq <= ?4)
ON CONFLICT DO NOTHING`

/** The history's rows in D1, made again from what the room knows. */
export const projectionDestination = (db: D1Database): Destination => ({
  delivery: 'confirmed',
  batchSize: 50,
  async send(rows: readonly { id: string; body: JsonObject }[]) {
    const statements = rows.flatMap(({ body }) =>
      statementsOf(db, body as unknown as ProjectionBody),
    )
    await db.batch(statements)
  },
})

function statementsOf(
  db: D1Database,
  { seq, createdAt, record, members }: ProjectionBody,
): D1PreparedStatement[] {
  return [
    db
      .prepare(upsert)
      .bind(
        record.id,
        seq,
        record.direction,
        record.from,
        record.to,
        record.status,
        record.queueId,
        record.agentId,
        createdAt,
        toMs(record.offeredAt),
        toMs(record.answeredAt),
        toMs(record.endedAt),
        record.waitSeconds,
        record.talkSeconds,
        record.holdSeconds,
        record.afterContactWorkSeconds,
        record.durationSeconds,
        record.disposition,
        record.hangupCause,
      ),
    db.prepare(dropMembers).bind(record.id, JSON.stringify(members), seq),
    db.prepare(addMember).bind(record.id, createdAt, JSON.stringify(members), seq),
  ]
}

const toMs = (time: string | null): number | null => (time === null ? null : Date.parse(time))

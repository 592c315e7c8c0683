import type { CallDirection, CallRecord, CallStatus } from '@menagerie/contracts'
import { toTimestamp } from '@menagerie/core'

/** A row of the history's table, which rooms write (`projection.ts`). Times are milliseconds since the epoch. */
export interface CallRow {
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

const timeOrNull = (at: number | null): string | null => (at === null ? null : toTimestamp(at))

/** The row as everybody is shown it. */
export const toCallRecord = (row: CallRow): CallRecord => ({
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

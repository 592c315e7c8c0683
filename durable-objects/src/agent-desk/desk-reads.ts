import type { CallDirection, CallRecord, CallStatus, Contact } from '@menagerie/contracts'
import { toTimestamp } from '@menagerie/core'
import type { DeskProfile } from './desk-state-types.ts'

const HISTORY = 5

/** The queues that an agent serves: the ones a supervisor named, or every one whose skills the agent has. */
export async function readServedQueues(db: D1Database, profile: DeskProfile): Promise<string[]> {
  if (profile.queueIds !== null) return profile.queueIds
  const { results } = await db
    .prepare('SELECT id, skills FROM queues WHERE removed_at IS NULL ORDER BY id')
    .all<{ id: string; skills: string }>()
  return results
    .filter(({ skills }) =>
      (JSON.parse(skills) as string[]).every((skill) => profile.skills.includes(skill)),
    )
    .map(({ id }) => id)
}

interface Row {
  id: string
  direction: CallDirection
  from_address: string
  to_address: string
  status: CallStatus
  queue_id: string | null
  agent_id: string | null
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

// One index each: an `OR` over both would sort every call of a number that calls often.
const newest = (column: string) =>
  `SELECT * FROM (SELECT * FROM calls WHERE ${column} = ?1 ORDER BY created_at DESC, id DESC LIMIT ${HISTORY + 1})`
const ofNumber = `SELECT * FROM (${newest('from_address')} UNION ${newest('to_address')})
WHERE id <> ?2 ORDER BY created_at DESC, id DESC LIMIT ${HISTORY}`

/** The newest calls with the number of a contact's customer, the contact's own call left out. */
export async function readCustomerHistory(
  db: D1Database,
  { callId, direction, from, to }: Contact,
): Promise<CallRecord[]> {
  const customer = direction === 'outbound' ? to : from
  const { results } = await db.prepare(ofNumber).bind(customer, callId).all<Row>()
  return results.map(toRecord)
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

import type { CallRecord, Contact } from '@menagerie/contracts'
import { type CallRow, toCallRecord } from '../call-room/call-row.ts'
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
  const { results } = await db.prepare(ofNumber).bind(customer, callId).all<CallRow>()
  return results.map(toCallRecord)
}

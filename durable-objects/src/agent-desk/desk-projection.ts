import type { ActivityName } from '@menagerie/contracts'
import type { JsonObject } from '@menagerie/core'
import type { Destination } from '../journal/index.ts'
import type { DeskState } from './desk-state-types.ts'

/** An agent's row of the list. Times are milliseconds since the epoch. */
export interface ProjectedAgent {
  id: string
  /** The desk's: not every change is an event, and an older row never overwrites a newer one. */
  version: number
  displayName: string | null
  skills: string[]
  queueIds: string[] | null
  capacity: number
  wrapUpSeconds: number
  activity: ActivityName
  activitySince: number
  connected: boolean
  activeContacts: number
  /** From here on queues tell the desk of their changes, which they do by this list. */
  appears: boolean
}

export function toProjected(before: DeskState, after: DeskState): ProjectedAgent {
  const { id, version, activity, connected } = after
  return {
    id,
    version,
    ...after.profile,
    activity: activity.name,
    activitySince: activity.since,
    connected,
    activeContacts: after.contacts.length,
    appears: activity.name !== 'offline' && before.activity.name === 'offline',
  }
}

/** Whether the list's row has changed; accounts that are no agents have none. */
export function rowChanged(before: DeskState, after: DeskState): boolean {
  if (!after.isAgent) return false
  const text = (state: DeskState) => JSON.stringify({ ...toProjected(state, state), version: 0 })
  return !before.isAgent || text(before) !== text(after)
}

const upsert = `INSERT INTO agents (user_id, seq, display_name, skills, queue_ids, capacity, wrap_up_seconds,
  activity, activity_since, connected, active_contacts) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (user_id) DO UPDATE SET seq = excluded.seq, display_name = excluded.display_name,
  skills = excluded.skills, queue_ids = excluded.queue_ids, capacity = excluded.capacity,
  wrap_up_seconds = excluded.wrap_up_seconds, activity = excluded.activity,
  activity_since = excluded.activity_since, connected = excluded.connected,
  active_contacts = excluded.active_contacts
WHERE excluded.seq > agents.seq`

/**
 * The list's rows in D1.
 *
 * @param appeared told when the agent has come into the list of those at work: a queue that was made before could not
 * know of the agent, so the agent must look for queues after
 */
export const projectionDestination = (db: D1Database, appeared: () => void): Destination => ({
  delivery: 'confirmed',
  batchSize: 50,
  async send(rows: readonly { id: string; body: JsonObject }[]) {
    const agents = rows.map(({ body }) => body as unknown as ProjectedAgent)
    // All of one desk: the newest says what the others said.
    const newest = agents.reduce((last, one) => (one.version > last.version ? one : last))
    await statementOf(db, newest).run()
    if (agents.some(({ appears }) => appears)) appeared()
  },
})

const statementOf = (db: D1Database, row: ProjectedAgent): D1PreparedStatement =>
  db
    .prepare(upsert)
    .bind(
      row.id,
      row.version,
      row.displayName,
      JSON.stringify(row.skills),
      row.queueIds === null ? null : JSON.stringify(row.queueIds),
      row.capacity,
      row.wrapUpSeconds,
      row.activity,
      row.activitySince,
      row.connected ? 1 : 0,
      row.activeContacts,
    )

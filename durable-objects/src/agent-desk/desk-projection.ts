import type { ActivityName } from '@menagerie/contracts'
import type { JsonObject } from '@menagerie/core'
import type { Destination } from '../journal/index.ts'
import type { DeskState } from './desk-state-types.ts'

/** An agent's row of the list. Times are milliseconds since the epoch. */
interface ProjectedAgent {
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
}

/** A row of the outbox: the list's row has changed, and is read when it leaves. */
export interface ListRow {
  /** From here on queues tell the desk of their changes, which they do by this list. */
  appears: boolean
}

const toProjected = ({ id, version, activity, connected, contacts, profile }: DeskState) =>
  ({
    id,
    version,
    ...profile,
    activity: activity.name,
    activitySince: activity.since,
    connected,
    activeContacts: contacts.length,
  }) satisfies ProjectedAgent

/** Whether the agent has come to work. */
export const appears = (before: DeskState, after: DeskState): boolean =>
  after.activity.name !== 'offline' && before.activity.name === 'offline'

/** Whether the list's row has changed; accounts that are no agents have none. */
export function rowChanged(before: DeskState, after: DeskState): boolean {
  if (!after.isAgent) return false
  const text = (state: DeskState) => JSON.stringify({ ...toProjected(state), version: 0 })
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
 * The list's row in D1: as the desk is now, so one write says what several rows of the outbox tell of.
 *
 * @param host `take` gives the desk and is told by that that the waiting rows are being sent: a later change needs
 * another. `appeared` is told when the agent has come into the list of those at work: a queue that was made before
 * could not know of the agent, so the agent must look for queues after
 */
export const projectionDestination = (
  db: D1Database,
  host: { take: () => DeskState | undefined; appeared: () => void },
): Destination => ({
  delivery: 'confirmed',
  batchSize: 50,
  async send(rows: readonly { id: string; body: JsonObject }[]) {
    const desk = host.take()
    if (desk === undefined) throw new Error('A desk that is listed is there')
    await statementOf(db, toProjected(desk)).run()
    if (rows.some(({ body }) => (body as unknown as ListRow).appears)) host.appeared()
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

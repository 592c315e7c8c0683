import type { ActivityName, AgentSummary } from '@menagerie/contracts'
import { type ListPage, pageOf, toTimestamp } from '@menagerie/core'

/** What a list of agents is narrowed to. */
export interface AgentFilters {
  activity?: ActivityName | undefined
}

/** A place in the list. */
export type AgentPosition = readonly [id: string]

interface Row {
  user_id: string
  display_name: string | null
  skills: string
  queue_ids: string | null
  capacity: number
  wrap_up_seconds: number
  activity: ActivityName
  activity_since: number
  connected: number
  active_contacts: number
}

/**
 * A page of agents by id.
 *
 * @param after the last id of the page before
 */
export async function listAgents(
  db: D1Database,
  { activity }: AgentFilters,
  limit: number,
  [after]: AgentPosition | [] = [],
): Promise<ListPage<AgentSummary, AgentPosition>> {
  const wanted: [string, string][] = []
  if (activity !== undefined) wanted.push(['activity = ?', activity])
  if (after !== undefined) wanted.push(['user_id > ?', after])
  const where = wanted.length === 0 ? '' : `WHERE ${wanted.map(([text]) => text).join(' AND ')}`
  const { results } = await db
    .prepare(
      `SELECT user_id, display_name, skills, queue_ids, capacity, wrap_up_seconds, activity,
         activity_since, connected, active_contacts
       FROM agents ${where} ORDER BY user_id LIMIT ?`,
    )
    .bind(...wanted.map(([, value]) => value), limit + 1)
    .all<Row>()
  return pageOf(results, limit, toSummary, ({ user_id }) => [user_id])
}

const toSummary = (row: Row): AgentSummary => ({
  id: row.user_id,
  displayName: row.display_name,
  activity: row.activity,
  since: toTimestamp(row.activity_since),
  capacity: row.capacity,
  skills: JSON.parse(row.skills) as string[],
  queueIds: row.queue_ids === null ? null : (JSON.parse(row.queue_ids) as string[]),
  wrapUpSeconds: row.wrap_up_seconds,
  connected: row.connected === 1,
  activeContacts: row.active_contacts,
})

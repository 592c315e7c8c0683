import type { Device, PresenceState } from '@menagerie/contracts'
import { type ListPage, pageOf, toTimestamp } from '@menagerie/core'

/** What a list of devices is narrowed to. */
export interface DeviceFilters {
  /** Part of an id or a name; letters of ASCII in either case. */
  q?: string | undefined
  state?: PresenceState | undefined
  tag?: string | undefined
}

/** A place in the list. */
export type DevicePosition = readonly [id: string]

interface Row {
  id: string
  name: string
  owner_id: string
  metadata: string
  tags: string
  inactivity_timeout_seconds: number | null
  active: number
  state: PresenceState
  last_seen_at: number | null
  created_at: number
}

/**
 * A page of devices by id.
 *
 * @param ownerId only this account's devices; everybody's when `undefined`
 * @param after the last id of the page before
 */
export async function listDevices(
  db: D1Database,
  ownerId: string | undefined,
  filters: DeviceFilters,
  limit: number,
  after: DevicePosition | [] = [],
): Promise<ListPage<Device, DevicePosition>> {
  const { sql, values } = devicesQuery(ownerId, filters, limit + 1, after)
  const { results } = await db
    .prepare(sql)
    .bind(...values)
    .all<Row>()
  return pageOf(results, limit, toDevice, ({ id }) => [id])
}

/**
 * The query of a page. Owner, state and tag each have an index to walk in the order of the page; a text is looked for in
 * the rows that it leads along.
 */
export function devicesQuery(
  ownerId: string | undefined,
  { q, state, tag }: DeviceFilters,
  limit: number,
  [after]: DevicePosition | [] = [],
): { sql: string; values: (string | number)[] } {
  // A tag's own rows lead: they know the owner too.
  const [lead, id] = tag === undefined ? ['devices', 'id'] : ['device_tags', 'device_id']
  const wanted: [string, string[]][] = []
  if (tag !== undefined) wanted.push(['device_tags.tag = ?', [tag]])
  if (ownerId !== undefined) wanted.push([`${lead}.owner_id = ?`, [ownerId]])
  if (after !== undefined) wanted.push([`${lead}.${id} > ?`, [after]])
  if (state !== undefined) wanted.push(['devices.state = ?', [state]])
  // `instr` and not `LIKE`: D1 takes LIKE patterns of at most 50 bytes, and these need no escapes.
  if (q !== undefined)
    wanted.push([
      '(instr(lower(devices.id), lower(?)) > 0 OR instr(lower(devices.name), lower(?)) > 0)',
      [q, q],
    ])
  const source =
    tag === undefined
      ? 'devices'
      : 'device_tags CROSS JOIN devices ON devices.id = device_tags.device_id'
  const where = wanted.length === 0 ? '' : `WHERE ${wanted.map(([text]) => text).join(' AND ')}`
  return {
    sql: `SELECT devices.* FROM ${source} ${where} ORDER BY ${lead}.${id} LIMIT ?`,
    values: [...wanted.flatMap(([, values]) => values), limit],
  }
}

/** How many devices are online. */
export async function countOnline(db: D1Database): Promise<number> {
  const row = await db
    .prepare(`SELECT count(*) AS count FROM devices WHERE state = 'online'`)
    .first<{ count: number }>()
  return row?.count ?? 0
}

/** Those of the ids that are registered. */
export async function registeredOf(db: D1Database, ids: readonly string[]): Promise<Set<string>> {
  if (ids.length === 0) return new Set()
  // One JSON parameter: D1 binds at most 100.
  const { results } = await db
    .prepare('SELECT id FROM devices WHERE id IN (SELECT value FROM json_each(?))')
    .bind(JSON.stringify(ids))
    .all<{ id: string }>()
  return new Set(results.map(({ id }) => id))
}

const toDevice = (row: Row): Device => ({
  id: row.id,
  name: row.name,
  ownerId: row.owner_id,
  metadata: JSON.parse(row.metadata) as Device['metadata'],
  tags: JSON.parse(row.tags) as string[],
  state: row.state,
  inactivityTimeoutSeconds: row.inactivity_timeout_seconds,
  active: row.active === 1,
  lastSeenAt: row.last_seen_at === null ? null : toTimestamp(row.last_seen_at),
  createdAt: toTimestamp(row.created_at),
})

import type { Device, PresenceState } from '@menagerie/contracts'
import { type ListPage, pageOf, toTimestamp } from '@menagerie/core'

/** What a list of devices is narrowed to. */
export interface DeviceFilters {
  /** Part of an id or a name; letters of ASCII in either case. */
  q?: string | undefined
  state?: PresenceState | undefined
}

/** A place in the list. */
export type DevicePosition = readonly [id: string]

interface Row {
  id: string
  name: string
  owner_id: string
  metadata: string
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
  [after]: DevicePosition | [] = [],
): Promise<ListPage<Device, DevicePosition>> {
  const wanted: [string, string[]][] = []
  if (ownerId !== undefined) wanted.push(['owner_id = ?', [ownerId]])
  if (after !== undefined) wanted.push(['id > ?', [after]])
  if (filters.state !== undefined) wanted.push(['state = ?', [filters.state]])
  // `instr` and not `LIKE`: D1 takes LIKE patterns of at most 50 bytes, and these need no escapes.
  if (filters.q !== undefined)
    wanted.push([
      '(instr(lower(id), lower(?)) > 0 OR instr(lower(name), lower(?)) > 0)',
      [filters.q, filters.q],
    ])
  const where = wanted.length === 0 ? '' : `WHERE ${wanted.map(([text]) => text).join(' AND ')}`
  const { results } = await db
    .prepare(
      `SELECT id, name, owner_id, metadata, state, last_seen_at, created_at
       FROM devices ${where} ORDER BY id LIMIT ?`,
    )
    .bind(...wanted.flatMap(([, values]) => values), limit + 1)
    .all<Row>()
  return pageOf(results, limit, toDevice, ({ id }) => [id])
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
  state: row.state,
  lastSeenAt: row.last_seen_at === null ? null : toTimestamp(row.last_seen_at),
  createdAt: toTimestamp(row.created_at),
})

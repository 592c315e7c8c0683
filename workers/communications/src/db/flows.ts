import type { Flow, FlowStep } from '@menagerie/contracts'
import { err, type ListPage, ok, pageOf, type Result, toTimestamp } from '@menagerie/core'

interface Row {
  id: string
  name: string
  /** JSON. */
  steps: string
  /** JSON. */
  numbers: string
  version: number
  request_hash: string | null
  created_at: number
  updated_at: number
}

/** What may be written of a flow. */
export type FlowContent = Pick<Flow, 'name' | 'numbers' | 'steps'>

export interface NewFlow extends FlowContent {
  id: string
  /** SHA-256 of the request, where `id` came from an idempotency key. */
  requestHash: string | null
}

export type FlowError =
  | { code: 'not_found' }
  /** Another flow has the number. */
  | { code: 'number_taken'; number: string }
  /** The flow is at another version than `ifMatch`. */
  | { code: 'precondition_failed'; version: number }
  | { code: 'idempotency_mismatch' }
  /** Others changed it faster than we could. */
  | { code: 'conflict' }

/** How often a change without `If-Match` is made again on what somebody else wrote in between. */
const ATTEMPTS = 5

const SELECT = `SELECT flows.*, (
    SELECT coalesce(json_group_array(number), '[]')
    FROM (SELECT number FROM flow_numbers WHERE flow_id = flows.id ORDER BY number)
  ) AS numbers
  FROM flows`

/** The flow of that id; `null` where there is none. */
export async function findFlow(db: D1Database, id: string): Promise<Flow | null> {
  const row = await findRow(db, id)
  return row === null ? null : toFlow(row)
}

/** The flow that calls to a number follow; `null` where none does. */
export async function flowOfNumber(db: D1Database, number: string): Promise<Flow | null> {
  const row = await db
    .prepare(`${SELECT} JOIN flow_numbers ON flow_numbers.flow_id = flows.id WHERE number = ?`)
    .bind(number)
    .first<Row>()
  return row === null ? null : toFlow(row)
}

/** A place in the list. */
export type FlowPosition = readonly [name: string, id: string]

/** A page of flows by name. */
export async function listFlows(
  db: D1Database,
  limit: number,
  after: FlowPosition | undefined,
): Promise<ListPage<Flow, FlowPosition>> {
  const { results } = await db
    .prepare(
      `${SELECT} ${after === undefined ? '' : 'WHERE (name, id) > (?, ?)'} ORDER BY name, id LIMIT ?`,
    )
    .bind(...(after ?? []), limit + 1)
    .all<Row>()
  return pageOf(results, limit, toFlow, ({ name, id }) => [name, id])
}

/** Makes a flow; the same id and request give the flow that is there. */
export async function createFlow(
  db: D1Database,
  { id, requestHash, name, numbers, steps }: NewFlow,
  now: number,
): Promise<Result<{ flow: Flow; replayed: boolean }, FlowError>> {
  const replay = (row: Row) =>
    row.request_hash === requestHash
      ? ok({ flow: toFlow(row), replayed: true })
      : err({ code: 'idempotency_mismatch' } as const)
  const known = await findRow(db, id)
  if (known !== null) return replay(known)
  const written = await unlessTaken(db, id, numbers, [
    db
      .prepare(
        `INSERT INTO flows (id, name, steps, version, request_hash, created_at, updated_at)
         VALUES (?, ?, ?, 1, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
      )
      .bind(id, name, JSON.stringify(steps), requestHash, now, now),
    // Not for the flow that another request with the same key has made in the meantime.
    db
      .prepare(
        `INSERT INTO flow_numbers (number, flow_id) SELECT value, ? FROM json_each(?) WHERE changes() > 0`,
      )
      .bind(id, JSON.stringify(numbers)),
  ])
  const row = await findRow(db, id)
  if (row === null) return written.ok ? err({ code: 'conflict' }) : written
  if (!written.ok || written.value[0] === 0) return replay(row)
  return ok({ flow: toFlow(row), replayed: false })
}

/** @param ifMatch the version that the change is meant for; any when `null` */
export async function changeFlow(
  db: D1Database,
  id: string,
  change: { [K in keyof FlowContent]?: FlowContent[K] | undefined },
  ifMatch: number | null,
  now: number,
): Promise<Result<Flow, FlowError>> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const row = await findRow(db, id)
    if (row === null) return err({ code: 'not_found' })
    const { version } = row
    if (ifMatch !== null && ifMatch !== version)
      return err({ code: 'precondition_failed', version })
    const { name = row.name, steps, numbers } = change
    const update = db
      .prepare(
        `UPDATE flows SET name = ?, steps = ?, version = version + 1, updated_at = max(?, updated_at)
         WHERE id = ? AND version = ?`,
      )
      .bind(name, steps === undefined ? row.steps : JSON.stringify(steps), now, id, version)
    const renumber = numbers === undefined ? [] : renumbering(db, id, version, numbers)
    const written = await unlessTaken(db, id, numbers ?? [], [...renumber, update])
    if (!written.ok) return written
    if (written.value.at(-1) !== 0) {
      const changed = await findRow(db, id)
      return changed === null ? err({ code: 'not_found' }) : ok(toFlow(changed))
    }
  }
  return err({ code: 'conflict' })
}

/** Statements that give a flow its numbers while it is at that version: they go before the update that counts it on. */
function renumbering(db: D1Database, id: string, version: number, numbers: readonly string[]) {
  const guard = 'EXISTS (SELECT 1 FROM flows WHERE id = ? AND version = ?)'
  const wanted = JSON.stringify(numbers)
  return [
    db
      .prepare(
        `DELETE FROM flow_numbers WHERE flow_id = ?
         AND number NOT IN (SELECT value FROM json_each(?)) AND ${guard}`,
      )
      .bind(id, wanted, id, version),
    db
      .prepare(
        `INSERT INTO flow_numbers (number, flow_id) SELECT value, ? FROM json_each(?)
         WHERE value NOT IN (SELECT number FROM flow_numbers WHERE flow_id = ?) AND ${guard}`,
      )
      .bind(id, wanted, id, id, version),
  ]
}

/** True when there was such a flow. Its numbers lead nowhere then. */
export async function removeFlow(db: D1Database, id: string): Promise<boolean> {
  const [, removed] = await db.batch([
    db.prepare('DELETE FROM flow_numbers WHERE flow_id = ?').bind(id),
    db.prepare('DELETE FROM flows WHERE id = ?').bind(id),
  ])
  return (removed?.meta.changes ?? 0) > 0
}

/** Runs statements in one transaction; the rows that each changed. */
async function unlessTaken(
  db: D1Database,
  id: string,
  numbers: readonly string[],
  statements: D1PreparedStatement[],
): Promise<Result<number[], { code: 'number_taken'; number: string }>> {
  try {
    return ok((await db.batch(statements)).map(({ meta }) => meta.changes))
  } catch (error) {
    const taken = await db
      .prepare(
        'SELECT number FROM flow_numbers WHERE flow_id <> ? AND number IN (SELECT value FROM json_each(?)) LIMIT 1',
      )
      .bind(id, JSON.stringify(numbers))
      .first<{ number: string }>()
    const isTaken = /UNIQUE constraint failed: flow_numbers/.test(String(error))
    if (!isTaken) throw error
    return err({ code: 'number_taken', number: taken?.number ?? numbers[0] ?? '' })
  }
}

const findRow = (db: D1Database, id: string): Promise<Row | null> =>
  db.prepare(`${SELECT} WHERE flows.id = ?`).bind(id).first<Row>()

const toFlow = (row: Row): Flow => ({
  id: row.id,
  name: row.name,
  numbers: JSON.parse(row.numbers) as string[],
  steps: JSON.parse(row.steps) as FlowStep[],
  version: row.version,
  createdAt: toTimestamp(row.created_at),
  updatedAt: toTimestamp(row.updated_at),
})

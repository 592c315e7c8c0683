/** One send takes at most 100 messages and 256 KB; what the platform adds to a message must fit too. */
const BATCH_ROWS = 100
const BATCH_BYTES = 192 * 1024
/** A row that failed so often may be what fails its batch, so it goes alone. */
const ALONE_AFTER = 3
const MAX_BATCHES = 50
/** How long a `sent` row waits for a restart that would make it be sent again. */
export const SENT_KEPT_MS = 15 * 60_000
/** How often a restart that nobody reported is looked for while `sent` rows wait. */
const RESTART_CHECK_MS = 30_000
const BACKOFF_BASE_MS = 500
const BACKOFF_LIMIT_MS = 60_000

export interface DrainOptions {
  db: D1Database
  /** Sends bodies to a destination, oldest first; throws when none arrived. `undefined` for an unknown destination. */
  sender: (destination: string) => ((bodies: unknown[]) => Promise<void>) | undefined
  bootId: string
  now: () => number
  /** In [0, 1), for full jitter. */
  random: () => number
  /** Told of every batch. */
  observe?: (outcome: {
    destination: string
    outcome: 'sent' | 'failed'
    count: number
    error?: unknown
  }) => void
}

interface OutboxRow {
  id: string
  body: string
  attempts: number
}

/**
 * Sends what a Worker's D1 outbox holds and is due, oldest first; a destination that fails does not hold up the others.
 * A row leaves at least once: it turns `sent` after the queue took it, and `pending` again under another `BOOT_ID`,
 * since local queues forget at a restart.
 *
 * @returns when to come again, milliseconds since the epoch; `undefined` when nothing waits
 * @throws what D1 throws; nothing is lost by that, the rows stand
 */
export async function drainOutbox(options: DrainOptions): Promise<number | undefined> {
  const { db, bootId, now } = options
  await db.batch([
    db
      .prepare(
        `UPDATE outbox SET state = 'pending', boot_id = NULL, attempts = 0, due_at = ?, sent_at = NULL
         WHERE state = 'sent' AND boot_id <> ?`,
      )
      .bind(now(), bootId),
    // After the statement above: a row that was sent before a restart is sent again, however old it is.
    db
      .prepare(`DELETE FROM outbox WHERE state = 'sent' AND sent_at <= ?`)
      .bind(now() - SENT_KEPT_MS),
  ])
  const { results } = await db
    .prepare(`SELECT DISTINCT destination FROM outbox WHERE state = 'pending' AND due_at <= ?`)
    .bind(now())
    .all<{ destination: string }>()
  for (const { destination } of results) await drainDestination(options, destination)
  return nextDue(options)
}

async function drainDestination(options: DrainOptions, destination: string): Promise<void> {
  for (let batch = 0; batch < MAX_BATCHES; batch++) {
    const rows = await dueRows(options, destination)
    if (rows.length === 0) return
    try {
      const send = options.sender(destination)
      if (send === undefined) throw new Error(`No queue is bound for "${destination}"`)
      await send(rows.map((row) => JSON.parse(row.body)))
    } catch (error) {
      await markFailed(options, rows)
      options.observe?.({ destination, outcome: 'failed', count: rows.length, error })
      // Rows that go alone fail for themselves; a failed batch means the destination is down.
      if (rows.length === 1 && (rows[0]?.attempts ?? 0) >= ALONE_AFTER) continue
      return
    }
    await markSent(options, rows)
    options.observe?.({ destination, outcome: 'sent', count: rows.length })
  }
}

async function dueRows(options: DrainOptions, destination: string): Promise<OutboxRow[]> {
  const { results } = await options.db
    .prepare(
      `SELECT id, body, attempts FROM outbox WHERE state = 'pending' AND destination = ? AND due_at <= ?
       ORDER BY attempts >= ${ALONE_AFTER}, rowid LIMIT ${BATCH_ROWS}`,
    )
    .bind(destination, options.now())
    .all<OutboxRow>()
  const [first] = results
  if (first === undefined || first.attempts >= ALONE_AFTER) return results.slice(0, 1)
  return cut(results.filter((row) => row.attempts < ALONE_AFTER))
}

/** As many rows from the front as one send takes, at least one. */
function cut(rows: OutboxRow[]): OutboxRow[] {
  let bytes = 0
  const end = rows.findIndex((row) => {
    bytes += new TextEncoder().encode(row.body).length
    return bytes > BATCH_BYTES
  })
  return end === -1 ? rows : rows.slice(0, Math.max(1, end))
}

/** Ids travel as one JSON parameter: D1 binds at most 100. */
const idsOf = (rows: readonly OutboxRow[]): string => JSON.stringify(rows.map((row) => row.id))

async function markSent({ db, bootId, now }: DrainOptions, rows: OutboxRow[]): Promise<void> {
  await db
    .prepare(
      `UPDATE outbox SET state = 'sent', boot_id = ?, sent_at = ?
       WHERE state = 'pending' AND id IN (SELECT value FROM json_each(?))`,
    )
    .bind(bootId, now(), idsOf(rows))
    .run()
}

async function markFailed({ db, now, random }: DrainOptions, rows: OutboxRow[]): Promise<void> {
  const attempts = Math.max(...rows.map((row) => row.attempts)) + 1
  const wait = Math.min(BACKOFF_LIMIT_MS, BACKOFF_BASE_MS * 2 ** Math.min(attempts, 20))
  await db
    .prepare(
      `UPDATE outbox SET attempts = attempts + 1, due_at = ?
       WHERE state = 'pending' AND id IN (SELECT value FROM json_each(?))`,
    )
    .bind(now() + Math.floor(random() * wait), idsOf(rows))
    .run()
}

async function nextDue({ db, now }: DrainOptions): Promise<number | undefined> {
  const row = await db
    .prepare(
      `SELECT (SELECT min(due_at) FROM outbox WHERE state = 'pending') AS due,
              (SELECT min(sent_at) FROM outbox WHERE state = 'sent') AS sent`,
    )
    .first<{ due: number | null; sent: number | null }>()
  const times = [
    ...(row?.due == null ? [] : [row.due]),
    ...(row?.sent == null ? [] : [Math.min(row.sent + SENT_KEPT_MS, now() + RESTART_CHECK_MS)]),
  ]
  return times.length === 0 ? undefined : Math.min(...times)
}

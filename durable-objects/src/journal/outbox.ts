import type { JsonObject } from '@menagerie/core'
import { backoff } from './backoff.ts'
import type {
  Destination,
  JournalObservation,
  JournalStorage,
  OutboxEntry,
  SqlRow,
} from './types.ts'

/** How long a `sent` row waits for a restart that would make it be sent again. */
export const RESEND_KEPT_MS = 15 * 60 * 1000
const FIRST_CHECK_MS = 30_000
/** A row that failed so often may be what fails its batch: such rows go last, and few at a time. */
const SUSPECT_AFTER = 3
const MAX_SUSPECT_FAILURES = 3
const MAX_BATCHES = 100
const DEFAULT_BATCH_BYTES = 192 * 1024
/** A destination that hangs must not hold the one alarm for longer. */
const SEND_TIMEOUT_MS = 15_000

interface OutboxRow extends SqlRow {
  id: string
  body: string
  attempts: number
}

interface DueRow extends SqlRow {
  name: string
  due: number
}

interface RangeRow extends SqlRow {
  oldest: number | null
  newest: number | null
}

export interface OutboxContext {
  storage: JournalStorage
  destinations: Readonly<Record<string, Destination>>
  bootId: string
  now: () => number
  /** In [0, 1). */
  random: () => number
  observe: (what: JournalObservation) => void
}

/** When a destination that failed may be tried again. A cache: losing it means one attempt too early. */
interface Gate {
  failures: number
  until: number
}

/**
 * Messages on their way out of the object: `pending` until a destination has taken them, then deleted (`confirmed`)
 * or kept as `sent` under this start's `BOOT_ID` (`resend`). Everything leaves at least once; receivers drop ids
 * they know.
 */
export class Outbox {
  readonly #context: OutboxContext
  readonly #gates = new Map<string, Gate>()
  readonly #draining = new Map<string, Promise<void>>()

  constructor(context: OutboxContext) {
    this.#context = context
  }

  /** Makes what was sent under another `BOOT_ID` pending again: the queue it went to may have forgotten it. */
  recover(): void {
    const { storage, bootId, now } = this.#context
    const foreign = storage.exec(
      `SELECT 1 FROM outbox WHERE state = 'sent' AND boot_id <> ? LIMIT 1`,
      bootId,
    )
    if (foreign.length === 0) return
    storage.exec(
      `UPDATE outbox SET state = 'pending', attempts = 0, due_at = ?, sent_at = NULL
       WHERE state = 'sent' AND boot_id <> ?`,
      now(),
      bootId,
    )
  }

  /** Adds messages; runs in the transaction of the change they tell of. `firstSeq` keeps those events from retention. */
  add(entries: readonly OutboxEntry[], firstSeq: number, now: number): void {
    const { storage, destinations } = this.#context
    for (const entry of entries) {
      if (destinations[entry.destination] === undefined)
        throw new Error(`The outbox has no destination "${entry.destination}"`)
      storage.exec(
        `INSERT INTO outbox (id, destination, body, state, attempts, due_at, first_seq)
         VALUES (?, ?, ?, 'pending', 0, ?, ?)`,
        entry.id,
        entry.destination,
        JSON.stringify(entry.body),
        entry.dueAt ?? now,
        firstSeq,
      )
    }
  }

  /** Whether anything is still to leave. */
  waits(): boolean {
    return (
      this.#context.storage.exec(`SELECT 1 FROM outbox WHERE state = 'pending' LIMIT 1`).length > 0
    )
  }

  /**
   * Sends what is due, oldest first; a destination that fails does not hold up the others. One that is still being
   * sent to is waited for and not sent to twice.
   */
  async drain(): Promise<void> {
    this.recover()
    const now = this.#context.now()
    const names = new Set(this.#draining.keys())
    for (const { name, due } of this.#firstDue()) if (due <= now) names.add(name)
    const outcomes = await Promise.allSettled([...names].map((name) => this.#drainOnce(name)))
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
  }

  /** Forgets `sent` rows after 15 minutes under the same `BOOT_ID`. */
  tidy(now: number): void {
    this.#context.storage.exec(
      `DELETE FROM outbox WHERE state = 'sent' AND boot_id = ? AND sent_at <= ?`,
      this.#context.bootId,
      now - RESEND_KEPT_MS,
    )
  }

  /** When the alarm must come for the outbox, milliseconds since the epoch. */
  nextDue(now: number): number | undefined {
    let next: number | undefined
    for (const { name, due: oldest } of this.#firstDue()) {
      const due = Math.max(oldest, this.#gates.get(name)?.until ?? 0)
      next = Math.min(next ?? due, due)
    }
    if (next !== undefined && next <= now) return next
    const [sent] = this.#context.storage.exec<RangeRow>(
      `SELECT (SELECT min(sent_at) FROM outbox WHERE state = 'sent') AS oldest,
              (SELECT max(sent_at) FROM outbox WHERE state = 'sent') AS newest`,
    )
    if (sent?.oldest == null || sent.newest == null) return next
    const check = nextCheck(sent.oldest, sent.newest, now)
    return Math.min(next ?? check, check)
  }

  /** Destinations that something waits for, and since when it is due: asked after each commit, so by one statement. */
  #firstDue(): DueRow[] {
    const { storage, destinations } = this.#context
    return storage.exec<DueRow>(
      `SELECT name, due FROM (
         SELECT value AS name, (SELECT min(due_at) FROM outbox WHERE state = 'pending' AND destination = value) AS due
         FROM json_each(?)) WHERE due IS NOT NULL`,
      JSON.stringify(Object.keys(destinations)),
    )
  }

  #drainOnce(name: string): Promise<void> {
    const running = this.#draining.get(name)
    if (running !== undefined) return running
    const started = this.#drainOne(name).finally(() => this.#draining.delete(name))
    this.#draining.set(name, started)
    return started
  }

  async #drainOne(name: string): Promise<void> {
    const { destinations, now, observe } = this.#context
    const destination = destinations[name]
    if (destination === undefined || (this.#gates.get(name)?.until ?? 0) > now()) return
    let suspectSize = 1
    let suspectFailures = 0
    for (let batch = 0; batch < MAX_BATCHES; batch++) {
      const due = this.#due(name, destination)
      const [first] = due
      if (first === undefined) return
      const suspect = destination.ordered !== true && first.attempts >= SUSPECT_AFTER
      const rows = cut(
        due,
        suspect ? Math.min(suspectSize, destination.batchSize) : destination.batchSize,
        destination.batchBytes ?? DEFAULT_BATCH_BYTES,
      )
      try {
        await withTimeout(
          destination.send(
            rows.map((row) => ({ id: row.id, body: JSON.parse(row.body) as JsonObject })),
          ),
        )
      } catch (error) {
        this.#failed(rows, destination)
        observe({ type: 'outbox', destination: name, outcome: 'failed', count: rows.length })
        observe({ type: 'fault', where: `outbox ${name}`, error })
        suspectFailures += 1
        suspectSize = 1
        if (suspect && suspectFailures < MAX_SUSPECT_FAILURES) continue
        this.#shut(name)
        return
      }
      this.#sent(rows, destination)
      this.#gates.delete(name)
      observe({ type: 'outbox', destination: name, outcome: 'sent', count: rows.length })
      suspectSize *= 2
    }
  }

  #due(name: string, { batchSize, ordered }: Destination): OutboxRow[] {
    const { storage, now } = this.#context
    if (ordered === true)
      return storage.exec<OutboxRow>(
        `SELECT id, body, attempts FROM outbox WHERE state = 'pending' AND destination = ? ORDER BY rowid LIMIT ?`,
        name,
        batchSize,
      )
    const rows = storage.exec<OutboxRow>(
      `SELECT id, body, attempts FROM outbox WHERE state = 'pending' AND destination = ? AND due_at <= ?
       ORDER BY attempts >= ${SUSPECT_AFTER}, rowid LIMIT ?`,
      name,
      now(),
      batchSize,
    )
    const suspect = (rows[0]?.attempts ?? 0) >= SUSPECT_AFTER
    return rows.filter((row) => row.attempts >= SUSPECT_AFTER === suspect)
  }

  #failed(rows: readonly OutboxRow[], { ordered }: Destination): void {
    const { storage, now, random } = this.#context
    const attempts = Math.max(...rows.map((row) => row.attempts)) + 1
    storage.exec(
      `UPDATE outbox SET attempts = attempts + 1, due_at = max(due_at, ?) WHERE id IN (SELECT value FROM json_each(?))`,
      // In order they stay due and the gate alone waits: one with a time of its own would let younger ones pass it.
      ordered === true ? 0 : now() + 1 + backoff(attempts, random()),
      idsOf(rows),
    )
  }

  #sent(rows: readonly OutboxRow[], destination: Destination): void {
    const { storage, bootId, now } = this.#context
    switch (destination.delivery) {
      case 'confirmed':
        storage.exec('DELETE FROM outbox WHERE id IN (SELECT value FROM json_each(?))', idsOf(rows))
        break
      case 'resend':
        storage.exec(
          `UPDATE outbox SET state = 'sent', boot_id = ?, sent_at = ? WHERE id IN (SELECT value FROM json_each(?))`,
          bootId,
          now(),
          idsOf(rows),
        )
        break
    }
  }

  #shut(name: string): void {
    const { now, random } = this.#context
    const failures = (this.#gates.get(name)?.failures ?? 0) + 1
    this.#gates.set(name, { failures, until: now() + 1 + backoff(failures, random()) })
  }
}

/** As JSON, since an object binds at most 100 parameters. */
const idsOf = (rows: readonly OutboxRow[]): string => JSON.stringify(rows.map((row) => row.id))

/** At most `count` rows and `bytes` of bodies, and at least one row. */
function cut(rows: readonly OutboxRow[], count: number, bytes: number): OutboxRow[] {
  const batch: OutboxRow[] = []
  let size = 0
  for (const row of rows.slice(0, count)) {
    size += Buffer.byteLength(row.body)
    if (batch.length > 0 && size > bytes) break
    batch.push(row)
  }
  return batch
}

/**
 * When to look whether a restart happened that nobody noticed, because it found the object asleep: 30 s after the
 * newest send, then at twice that age each time, and when the oldest row has been kept long enough. What is older has
 * more likely been consumed, so the checks of a quiet object thin out to five.
 */
export function nextCheck(oldestSent: number, newestSent: number, now: number): number {
  let wait = FIRST_CHECK_MS
  while (newestSent + wait <= now && wait < RESEND_KEPT_MS) wait *= 2
  return Math.min(newestSent + wait, oldestSent + RESEND_KEPT_MS)
}

async function withTimeout(work: Promise<void>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('The destination took too long')), SEND_TIMEOUT_MS)
  })
  try {
    await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

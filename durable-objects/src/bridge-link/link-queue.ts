import type { Downlink } from '@menagerie/contracts'
import { toTimestamp } from '@menagerie/core'
import type { JournalStorage, SqlRow } from '../journal/index.ts'

/** How long, and how many, ids of what was published are known: an outbox may bring a message again. */
const PUBLISHED_KEPT_MS = 15 * 60 * 1000
const PUBLISHED_KEPT = 10_000
const TIDY_MS = 60_000
/** What one `publish` frame holds. */
const MAX_FRAME_MESSAGES = 100
const MAX_FRAME_BYTES = 256 * 1024
/** Messages a bridge may hold that the broker has not acknowledged. */
export const MAX_UNACKNOWLEDGED = 1000

interface QueueRow extends SqlRow {
  n: number
  body: string
}

interface CountRow extends SqlRow {
  value: number
}

/** Messages of one frame, in order, and the place of the last. */
export interface Frame {
  messages: Downlink[]
  through: number
}

/** Messages for devices, in order, until the broker has them. Its tables are made at the first use. */
export class LinkQueue {
  readonly #storage: Pick<JournalStorage, 'exec' | 'transaction'>
  readonly #exec: JournalStorage['exec']
  #made: boolean
  #tidyAt = 0

  constructor(storage: Pick<JournalStorage, 'exec' | 'transaction'>) {
    this.#storage = storage
    this.#exec = (sql, ...bindings) => storage.exec(sql, ...bindings)
    this.#made =
      this.#exec(`SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'queue'`).length > 0
  }

  /**
   * Keeps messages; one that waits or was published lately is not kept again, nor one whose time is over. Returns how
   * many are new.
   */
  enqueue(messages: readonly Downlink[], now: number): number {
    return this.#write((exec) => {
      // Not the difference of two counts: each would read the whole queue, which is long while no bridge is there.
      let added = 0
      for (const message of messages)
        if (!isOver(message, now))
          added += exec(
            `INSERT INTO queue (id, body) SELECT ?1, ?2
             WHERE NOT EXISTS (SELECT 1 FROM published WHERE id = ?1)
             ON CONFLICT DO NOTHING RETURNING n`,
            message.id,
            JSON.stringify(message),
          ).length
      return added
    })
  }

  /** Forgets messages that the broker has acknowledged; unknown ids change nothing. Returns how many there were. */
  published(ids: readonly string[], now: number): number {
    const asked = JSON.stringify(ids)
    return this.#write((exec) => {
      const gone = exec<{ id: string }>(
        'DELETE FROM queue WHERE id IN (SELECT value FROM json_each(?)) RETURNING id',
        asked,
      )
      for (const { id } of gone)
        exec('INSERT OR REPLACE INTO published (id, at) VALUES (?, ?)', id, now)
      exec(
        'DELETE FROM published WHERE at < ? AND rowid <= (SELECT max(rowid) FROM published) - ?',
        now - PUBLISHED_KEPT_MS,
        PUBLISHED_KEPT,
      )
      return gone.length
    })
  }

  /**
   * Forgets messages whose time is over: while no bridge is there, nothing else looks at them. Once a minute, since it
   * looks at all. Returns how many there were.
   */
  tidy(now: number): number {
    if (!this.#made || now < this.#tidyAt) return 0
    this.#tidyAt = now + TIDY_MS
    // Both are RFC 3339 in UTC; by how many digits their seconds may differ is no matter a second later.
    return this.#exec(
      `DELETE FROM queue WHERE json_extract(body, '$.expiresAt') < ? RETURNING n`,
      toTimestamp(now - 1_000),
    ).length
  }

  /**
   * The next frame for a bridge that was sent everything up to a place; undefined when nothing waits, or when it holds
   * as many unacknowledged messages as it may. Messages whose time is over are forgotten on the way, and those of QoS 0 as
   * they are given: nobody gets them a second time, at the price that they may not arrive.
   */
  next(sentThrough: number, now: number): Frame | undefined {
    if (!this.#made) return undefined
    for (;;) {
      const rows = this.#after(sentThrough)
      const last = rows.at(-1)
      if (last === undefined) return undefined
      const all = rows.map(({ body }) => JSON.parse(body) as Downlink)
      const gone = all.filter((message) => message.qos === 0 || isOver(message, now))
      if (gone.length > 0)
        this.published(
          gone.map(({ id }) => id),
          now,
        )
      const messages = gone.length === 0 ? all : all.filter((message) => !isOver(message, now))
      if (messages.length > 0) return { messages, through: last.n }
    }
  }

  #after(sentThrough: number): QueueRow[] {
    const [held] = this.#exec<CountRow>(
      'SELECT count(*) AS value FROM queue WHERE n <= ?',
      sentThrough,
    )
    const room = Math.min(MAX_FRAME_MESSAGES, MAX_UNACKNOWLEDGED - (held?.value ?? 0))
    if (room <= 0) return []
    return cut(
      this.#exec<QueueRow>(
        'SELECT n, body FROM queue WHERE n > ? ORDER BY n LIMIT ?',
        sentThrough,
        room,
      ),
    )
  }

  /** Messages that the broker has not acknowledged. */
  get queued(): number {
    if (!this.#made) return 0
    return this.#exec<CountRow>('SELECT count(*) AS value FROM queue')[0]?.value ?? 0
  }

  /** How often a bridge was given the link. */
  get generation(): number {
    if (!this.#made) return 0
    return this.#exec<CountRow>('SELECT generation AS value FROM link')[0]?.value ?? 0
  }

  /** A bridge is given the link. */
  nextGeneration(): number {
    return this.#write((exec) => {
      exec('UPDATE link SET generation = generation + 1')
      return this.generation
    })
  }

  #write<T>(work: (exec: JournalStorage['exec']) => T): T {
    const made = this.#made
    try {
      return this.#storage.transaction(() => {
        if (!made) createTables(this.#exec)
        this.#made = true
        return work(this.#exec)
      })
    } catch (error) {
      this.#made = made
      throw error
    }
  }
}

const isOver = ({ expiresAt }: Downlink, now: number): boolean =>
  expiresAt !== undefined && Date.parse(expiresAt) <= now

function createTables(exec: JournalStorage['exec']): void {
  exec(
    'CREATE TABLE queue (n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, body TEXT NOT NULL)',
  )
  exec('CREATE TABLE published (id TEXT PRIMARY KEY, at INTEGER NOT NULL)')
  exec('CREATE TABLE link (one INTEGER PRIMARY KEY CHECK (one = 1), generation INTEGER NOT NULL)')
  exec('INSERT INTO link VALUES (1, 0)')
}

/** At most so many bytes of bodies, and at least one row. */
function cut(rows: readonly QueueRow[]): QueueRow[] {
  let size = 0
  const end = rows.findIndex(({ body }, index) => {
    size += Buffer.byteLength(body)
    return index > 0 && size > MAX_FRAME_BYTES
  })
  return end === -1 ? [...rows] : rows.slice(0, end)
}

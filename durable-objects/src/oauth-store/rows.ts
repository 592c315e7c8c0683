/** Runs one statement on the object's SQLite. */
export type Exec = (sql: string, ...bindings: (string | number | null)[]) => unknown[]

/** What is kept of one thing of the engine: a grant, a code, a browser's session. Times are milliseconds since the epoch. */
export interface StoredRow {
  /** JSON, as the engine gave it. */
  payload: string
  consumedAt: number | null
}

/** A row that says that its grant is over: nothing may be kept in its object any more. */
const TOMBSTONE = 'Ended'

/**
 * The rows of one object, by model and id. Nothing is made before the first row is written, so that asking for what nobody
 * has leaves no trace. What has expired is not there, whether or not it was swept.
 */
export class Rows {
  readonly #exec: Exec
  #made = false

  constructor(exec: Exec) {
    this.#exec = exec
  }

  /** Keeps a row or replaces its payload; that it was consumed stays. `ended` where the grant is over: nothing is kept. */
  put(
    row: { model: string; id: string; payload: string; expiresAt: number },
    now: number,
  ): 'kept' | 'ended' {
    this.#make()
    if (this.find(TOMBSTONE, '', now) !== undefined) return 'ended'
    this.#write(row)
    return 'kept'
  }

  find(model: string, id: string, now: number): StoredRow | undefined {
    if (!this.#exists()) return undefined
    const [row] = this.#exec(
      'SELECT payload, consumed_at FROM rows WHERE model = ? AND id = ? AND expires_at > ?',
      model,
      id,
      now,
    ) as { payload: string; consumed_at: number | null }[]
    return row && { payload: row.payload, consumedAt: row.consumed_at }
  }

  /** Every row of a model. */
  list(model: string, now: number): StoredRow[] {
    if (!this.#exists()) return []
    const rows = this.#exec(
      'SELECT payload, consumed_at FROM rows WHERE model = ? AND expires_at > ?',
      model,
      now,
    ) as { payload: string; consumed_at: number | null }[]
    return rows.map((row) => ({ payload: row.payload, consumedAt: row.consumed_at }))
  }

  /** Marks a row as used. Only the first call gets `consumed`. */
  consume(model: string, id: string, now: number): 'consumed' | 'again' | 'unknown' {
    const row = this.find(model, id, now)
    if (row === undefined) return 'unknown'
    if (row.consumedAt !== null) return 'again'
    this.#exec('UPDATE rows SET consumed_at = ? WHERE model = ? AND id = ?', now, model, id)
    return 'consumed'
  }

  remove(model: string, id: string): void {
    if (this.#exists()) this.#exec('DELETE FROM rows WHERE model = ? AND id = ?', model, id)
  }

  /** Ends a grant: its rows go, those used excepted, which must be known as used; what would be kept later is refused. */
  end(expiresAt: number): void {
    this.#make()
    this.#exec('DELETE FROM rows WHERE consumed_at IS NULL')
    this.#write({ model: TOMBSTONE, id: '', payload: '{}', expiresAt })
  }

  /** Deletes what has expired, and tells when the next row does; `undefined` when none is left. */
  sweep(now: number): number | undefined {
    if (!this.#exists()) return undefined
    this.#exec('DELETE FROM rows WHERE expires_at <= ?', now)
    const [next] = this.#exec('SELECT MIN(expires_at) AS at FROM rows') as { at: number | null }[]
    return next?.at ?? undefined
  }

  /** The storage was emptied: the table is gone too. */
  forget(): void {
    this.#made = false
  }

  #write(row: { model: string; id: string; payload: string; expiresAt: number }): void {
    this.#exec(
      `INSERT INTO rows (model, id, payload, expires_at) VALUES (?, ?, ?, ?)
       ON CONFLICT (model, id) DO UPDATE SET payload = excluded.payload, expires_at = excluded.expires_at`,
      row.model,
      row.id,
      row.payload,
      row.expiresAt,
    )
  }

  #exists(): boolean {
    this.#made ||=
      this.#exec(`SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'rows'`).length > 0
    return this.#made
  }

  #make(): void {
    if (this.#exists()) return
    this.#exec(
      `CREATE TABLE rows (model TEXT NOT NULL, id TEXT NOT NULL, payload TEXT NOT NULL, consumed_at INTEGER,
         expires_at INTEGER NOT NULL, PRIMARY KEY (model, id)) WITHOUT ROWID`,
    )
    this.#exec('CREATE INDEX rows_expires_at ON rows (expires_at)')
    this.#made = true
  }
}

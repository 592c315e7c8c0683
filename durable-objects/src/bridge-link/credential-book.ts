import type { JournalStorage, SqlRow } from '../journal/index.ts'

/** How long a password waits for a bridge. */
export const PASSWORD_KEPT_MS = 24 * 60 * 60 * 1000
/** Who writes it down tells the broker at once; later it is only tried where that was cut short. */
const TOLD_WITHIN_MS = 10_000
const LEAST_RETRY_MS = 1_000
const MOST_RETRY_MS = 60_000

/** What is owed to the broker about one user name. Times are milliseconds. */
export interface Owed extends SqlRow {
  username: string
  device_id: string
  /** A password that the broker is to know. */
  sealed: string | null
  /** When the password is given up; with no password left, it was. */
  waits_until: number | null
  /** When the broker is to forget the user name. */
  ends_at: number | null
  next_at: number
  attempts: number
}

/** What the broker is still to be told about user names, until it has confirmed it. Its table is made at the first use. */
export class CredentialBook {
  readonly #storage: Pick<JournalStorage, 'exec' | 'transaction'>
  #made: boolean

  constructor(storage: Pick<JournalStorage, 'exec' | 'transaction'>) {
    this.#storage = storage
    this.#made =
      storage.exec(`SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'owed'`).length > 0
  }

  row(username: string): Owed | undefined {
    return this.#read('WHERE username = ?', username)[0]
  }

  /** A new password for a user name; what was owed about it before is over. */
  put(username: string, deviceId: string, sealed: string, now: number): void {
    this.restore(username, {
      username,
      device_id: deviceId,
      sealed,
      waits_until: now + PASSWORD_KEPT_MS,
      ends_at: null,
      next_at: now + TOLD_WITHIN_MS,
      attempts: 0,
    })
  }

  /** What is owed about a user name, as `row` told it. */
  restore(username: string, row: Owed | undefined): void {
    this.#make()
    this.#storage.transaction(() => {
      this.#storage.exec('DELETE FROM owed WHERE username = ?', username)
      if (row === undefined) return
      this.#storage.exec(
        'INSERT INTO owed VALUES (?, ?, ?, ?, ?, ?, ?)',
        row.username,
        row.device_id,
        row.sealed,
        row.waits_until,
        row.ends_at,
        row.next_at,
        row.attempts,
      )
    })
  }

  /** The broker knows this very password. */
  brought(username: string, sealed: string): void {
    this.#storage.transaction(() => {
      this.#storage.exec(
        'UPDATE owed SET sealed = NULL, waits_until = NULL, attempts = 0 WHERE username = ? AND sealed = ?',
        username,
        sealed,
      )
      this.#storage.exec(
        'DELETE FROM owed WHERE username = ? AND sealed IS NULL AND waits_until IS NULL AND ends_at IS NULL',
        username,
      )
    })
  }

  /** The broker is to forget a user name then, or earlier where that was settled before. */
  end(username: string, deviceId: string, endsAt: number, now: number): void {
    this.#make()
    this.#storage.exec(
      `INSERT INTO owed VALUES (?1, ?2, NULL, NULL, ?3, ?4, 0)
       ON CONFLICT DO UPDATE SET ends_at = min(coalesce(ends_at, ?3), ?3), next_at = ?4, attempts = 0`,
      username,
      deviceId,
      endsAt,
      endsAt > now ? now : now + TOLD_WITHIN_MS,
    )
    this.giveUp(now)
  }

  /** The broker has forgotten the user name. */
  ended(username: string, now: number): void {
    this.#storage.exec('DELETE FROM owed WHERE username = ? AND ends_at <= ?', username, now)
  }

  /** Passwords that nobody fetched in time, or whose user name is to be forgotten, are not kept. */
  giveUp(now: number): void {
    if (!this.#made) return
    this.#storage.exec('UPDATE owed SET sealed = NULL WHERE waits_until <= ?', now)
    this.#storage.exec(
      'UPDATE owed SET sealed = NULL, waits_until = NULL WHERE ends_at <= ? AND waits_until IS NOT NULL',
      now,
    )
  }

  /** A password that cannot be opened any more, since the key is another one. */
  abandon(username: string): void {
    this.#storage.exec('UPDATE owed SET sealed = NULL WHERE username = ?', username)
  }

  /** What may be tried now, the longest due first. */
  due(now: number): Owed | undefined {
    return this.#read(
      'WHERE next_at <= ?1 AND (sealed IS NOT NULL OR ends_at <= ?1) ORDER BY next_at LIMIT 1',
      now,
    )[0]
  }

  /** It did not work; again a little later. */
  failed(username: string, now: number): void {
    this.#storage.exec(
      `UPDATE owed SET attempts = attempts + 1, next_at = ?2 + min(?3, ?4 * (1 << min(attempts, 10)))
       WHERE username = ?1`,
      username,
      now,
      MOST_RETRY_MS,
      LEAST_RETRY_MS,
    )
  }

  /** A bridge has come. */
  tryAll(now: number): void {
    if (this.#made) this.#storage.exec('UPDATE owed SET next_at = ?1 WHERE next_at > ?1', now)
  }

  /** When there is something to do next; undefined for never. */
  nextAt(hasBridge: boolean): number | undefined {
    const times = this.#read('').flatMap(({ sealed, waits_until, ends_at, next_at }) => [
      ...(sealed === null ? [] : [waits_until ?? 0, ...(hasBridge ? [next_at] : [])]),
      ...(ends_at === null || !hasBridge ? [] : [Math.max(ends_at, next_at)]),
    ])
    return times.length === 0 ? undefined : times.reduce((one, other) => Math.min(one, other))
  }

  /** Passwords of a device that wait, and those that were given up. */
  states(deviceId: string): Record<string, 'waiting' | 'dropped'> {
    return Object.fromEntries(
      this.#read('WHERE device_id = ? AND waits_until IS NOT NULL', deviceId).map(
        ({ username, sealed }) => [username, sealed === null ? 'dropped' : 'waiting'],
      ),
    )
  }

  #read(where: string, ...bindings: (string | number)[]): Owed[] {
    if (!this.#made) return []
    return this.#storage.exec<Owed>(`SELECT * FROM owed ${where}`, ...bindings)
  }

  #make(): void {
    if (this.#made) return
    this.#storage.exec(
      `CREATE TABLE owed (username TEXT PRIMARY KEY, device_id TEXT NOT NULL, sealed TEXT,
         waits_until INTEGER, ends_at INTEGER, next_at INTEGER NOT NULL, attempts INTEGER NOT NULL)`,
    )
    this.#made = true
  }
}

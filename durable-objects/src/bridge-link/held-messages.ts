import type { DeviceMessage } from '../device-twin/index.ts'
import type { JournalStorage, SqlRow } from '../journal/index.ts'

/** What a link keeps at most, in characters of JSON. A twin that is away for longer holds everybody up again. */
const MOST_HELD = 256 * 1024 * 1024
const BATCH_MESSAGES = 100

interface HeldRow extends SqlRow {
  n: number
  body: string
}

interface ValueRow extends SqlRow {
  value: number
}

/** Messages of a device, oldest first, and the place of the last. */
export interface HeldBatch {
  messages: DeviceMessage[]
  through: number
}

/** Messages that devices' twins do not take, in order, until they do. Its tables are made at the first use. */
export class HeldMessages {
  readonly #storage: Pick<JournalStorage, 'exec' | 'transaction'>
  readonly #most: number
  #made: boolean

  /** @param most characters */
  constructor(storage: Pick<JournalStorage, 'exec' | 'transaction'>, most = MOST_HELD) {
    this.#storage = storage
    this.#most = most
    this.#made =
      storage.exec(`SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'held'`).length > 0
  }

  /** Keeps them all behind what is there of the device; false when there is no room. */
  keep(deviceId: string, messages: readonly DeviceMessage[]): boolean {
    const bodies = messages.map((message) => JSON.stringify(message))
    const size = bodies.reduce((sum, { length }) => sum + length, 0)
    if (this.#size + size > this.#most) return false
    this.#storage.transaction(() => {
      if (!this.#made) createTables(this.#storage.exec.bind(this.#storage))
      for (const body of bodies)
        this.#storage.exec(
          'INSERT INTO held (device_id, body, characters) VALUES (?, ?, ?)',
          deviceId,
          body,
          body.length,
        )
      this.#storage.exec('UPDATE held_size SET characters = characters + ?', size)
    })
    this.#made = true
    return true
  }

  /** The oldest of a device; undefined where none is held. */
  next(deviceId: string, most = BATCH_MESSAGES): HeldBatch | undefined {
    const rows = this.#read<HeldRow>(
      'SELECT n, body FROM held WHERE device_id = ? ORDER BY n LIMIT ?',
      deviceId,
      most,
    )
    const last = rows.at(-1)
    if (last === undefined) return undefined
    return { messages: rows.map(({ body }) => JSON.parse(body)), through: last.n }
  }

  /** Its twin has taken a device's messages up to there. */
  release(deviceId: string, through: number): void {
    this.#storage.transaction(() => {
      const gone = this.#storage.exec<ValueRow>(
        'DELETE FROM held WHERE device_id = ? AND n <= ? RETURNING characters AS value',
        deviceId,
        through,
      )
      this.#storage.exec(
        'UPDATE held_size SET characters = characters - ?',
        gone.reduce((sum, { value }) => sum + value, 0),
      )
    })
  }

  /** Devices of which messages are held, in the order of their ids. */
  devices(after: string, most: number): string[] {
    return this.#read<{ id: string }>(
      'SELECT DISTINCT device_id AS id FROM held WHERE device_id > ? ORDER BY device_id LIMIT ?',
      after,
      most,
    ).map(({ id }) => id)
  }

  get isEmpty(): boolean {
    return this.#read('SELECT 1 FROM held LIMIT 1').length === 0
  }

  /** Messages of a device, or of all. */
  count(deviceId?: string): number {
    const rows =
      deviceId === undefined
        ? this.#read<ValueRow>('SELECT count(*) AS value FROM held')
        : this.#read<ValueRow>('SELECT count(*) AS value FROM held WHERE device_id = ?', deviceId)
    return rows[0]?.value ?? 0
  }

  get #size(): number {
    return this.#read<ValueRow>('SELECT characters AS value FROM held_size')[0]?.value ?? 0
  }

  #read<T extends SqlRow>(sql: string, ...bindings: (string | number)[]): T[] {
    return this.#made ? this.#storage.exec<T>(sql, ...bindings) : []
  }
}

function createTables(exec: JournalStorage['exec']): void {
  exec(
    `CREATE TABLE held (n INTEGER PRIMARY KEY AUTOINCREMENT, device_id TEXT NOT NULL, body TEXT NOT NULL,
       characters INTEGER NOT NULL)`,
  )
  exec('CREATE INDEX held_device ON held (device_id, n)')
  exec(
    'CREATE TABLE held_size (one INTEGER PRIMARY KEY CHECK (one = 1), characters INTEGER NOT NULL)',
  )
  exec('INSERT INTO held_size VALUES (1, 0)')
}

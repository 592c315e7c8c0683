import type { CommandState } from '@menagerie/contracts'
import type { JsonObject, JsonValue } from '@menagerie/core'
import type { JournalStorage, SqlRow } from '../../journal/index.ts'
import type { CommandRecord } from './command-state.ts'

/** Of those that have ended, kept for each device. */
export const FINISHED_KEPT = 1000

interface CommandRow extends SqlRow {
  n: number
  id: string
  name: string
  state: CommandState
  attempts: number
  created_at: number
  expires_at: number
  sent_at: number | null
  delivered_at: number | null
  finished_at: number | null
  rest: string
}

/** What no statement asks for, as JSON. */
interface Rest {
  payload: JsonObject
  progress: JsonValue
  result: JsonValue
  error: CommandRecord['error']
  timeoutSeconds: number
  atMostOnce: boolean
}

/** A command and its place in the order of creation. */
export interface PlacedCommand {
  n: number
  command: CommandRecord
}

/** The step that gives twins their table of commands. */
export function createCommandTable(exec: JournalStorage['exec']): void {
  // AUTOINCREMENT: the order of creation, also when the newest row is gone.
  exec(`CREATE TABLE commands (
    n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, state TEXT NOT NULL,
    attempts INTEGER NOT NULL, created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, sent_at INTEGER,
    delivered_at INTEGER, finished_at INTEGER, rest TEXT NOT NULL)`)
  exec('CREATE INDEX commands_open ON commands (n) WHERE finished_at IS NULL')
  exec('CREATE INDEX commands_finished ON commands (n) WHERE finished_at IS NOT NULL')
  exec('CREATE INDEX commands_state ON commands (state, n)')
}

/** The commands of a device. Nothing is remembered beside the table: few messages ask for it. */
export class CommandStore {
  readonly #exec: JournalStorage['exec']

  constructor(exec: JournalStorage['exec']) {
    this.#exec = exec
  }

  find(id: string): CommandRecord | undefined {
    return this.#read('SELECT * FROM commands WHERE id = ?', id)[0]?.command
  }

  /** Those that have not ended, in the order of creation. */
  open(): CommandRecord[] {
    return this.#read('SELECT * FROM commands WHERE finished_at IS NULL ORDER BY n').map(
      ({ command }) => command,
    )
  }

  /** The newest first. @param before the place of the last one of the page before */
  list(
    state: CommandState | undefined,
    before: number | undefined,
    limit: number,
  ): PlacedCommand[] {
    const below = before ?? Number.MAX_SAFE_INTEGER
    return state === undefined
      ? this.#read('SELECT * FROM commands WHERE n < ? ORDER BY n DESC LIMIT ?', below, limit)
      : this.#read(
          'SELECT * FROM commands WHERE state = ? AND n < ? ORDER BY n DESC LIMIT ?',
          state,
          below,
          limit,
        )
  }

  /** Writes commands, new ones in their order, and forgets old ones. Runs inside a transaction. */
  save(commands: Iterable<CommandRecord>): void {
    let ended = false
    for (const command of commands) {
      this.#write(command)
      ended ||= command.finishedAt !== null
    }
    if (!ended) return
    this.#exec(
      `DELETE FROM commands WHERE finished_at IS NOT NULL AND n <= (
         SELECT n FROM commands WHERE finished_at IS NOT NULL ORDER BY n DESC LIMIT 1 OFFSET ?)`,
      FINISHED_KEPT,
    )
  }

  /** Forgets all of them. Runs inside a transaction. */
  clear(): void {
    this.#exec('DELETE FROM commands')
  }

  #write(command: CommandRecord): void {
    const { id, name, state, attempts, createdAt, expiresAt, ...more } = command
    const { sentAt, deliveredAt, finishedAt, ...rest } = more
    this.#exec(
      `INSERT INTO commands (id, name, state, attempts, created_at, expires_at, sent_at, delivered_at, finished_at, rest)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET state = excluded.state, attempts = excluded.attempts,
         sent_at = excluded.sent_at, delivered_at = excluded.delivered_at, finished_at = excluded.finished_at,
         rest = excluded.rest`,
      id,
      name,
      state,
      attempts,
      createdAt,
      expiresAt,
      sentAt,
      deliveredAt,
      finishedAt,
      JSON.stringify(rest satisfies Rest),
    )
  }

  #read(sql: string, ...bindings: (string | number)[]): PlacedCommand[] {
    return this.#exec<CommandRow>(sql, ...bindings).map((row) => ({
      n: row.n,
      command: {
        id: row.id,
        name: row.name,
        state: row.state,
        attempts: row.attempts,
        createdAt: row.created_at,
        expiresAt: row.expires_at,
        sentAt: row.sent_at,
        deliveredAt: row.delivered_at,
        finishedAt: row.finished_at,
        ...(JSON.parse(row.rest) as Rest),
      },
    }))
  }
}

import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import type { JournalStorage, SqlRow, SqlValue } from './types.ts'

/** The process died here. Nothing may catch it: the storage refuses everything until it is revived. */
export class Crash extends Error {
  constructor(point: string) {
    super(`crashed ${point}`)
    this.name = 'Crash'
  }
}

/**
 * The same SQL on `node:sqlite`, with an alarm that is turned by hand, for tests and property runs. Every write, every
 * transaction and every setting of the alarm passes two named points, such as `before insert events`, `after commit`
 * or `before set alarm`, at which `onPoint` may kill the process by throwing a `Crash`.
 */
export class MemoryStorage implements JournalStorage {
  onPoint: ((point: string) => void) | undefined
  /** Milliseconds since the epoch; survives a crash, as a Durable Object's alarm does. */
  alarmAt: number | null = null
  readonly #database = new DatabaseSync(':memory:')
  readonly #statements = new Map<string, StatementSync>()
  #depth = 0
  #dead: Crash | undefined

  get dead(): boolean {
    return this.#dead !== undefined
  }

  exec<T extends SqlRow>(sql: string, ...bindings: SqlValue[]): T[] {
    this.#assertAlive()
    const step = writeStep(sql)
    if (step !== undefined) this.point(`before ${step}`)
    let statement = this.#statements.get(sql)
    if (statement === undefined) {
      statement = this.#database.prepare(sql)
      this.#statements.set(sql, statement)
    }
    const rows = statement.all(...(bindings as SQLInputValue[])) as T[]
    if (step !== undefined) this.point(`after ${step}`)
    return rows
  }

  transaction<T>(work: () => T): T {
    this.#assertAlive()
    const name = `t${this.#depth}`
    const outermost = this.#depth === 0
    let open = true
    const end = (sql: string): void => {
      this.#database.exec(sql)
      this.#depth -= 1
      open = false
    }
    this.#database.exec(`SAVEPOINT ${name}`)
    this.#depth += 1
    try {
      const result = work()
      if (outermost) this.point('before commit')
      end(`RELEASE ${name}`)
      if (outermost) this.point('after commit')
      return result
    } catch (error) {
      // A full disk makes SQLite roll the whole transaction back by itself.
      if (open && this.#database.isTransaction) end(`ROLLBACK TO ${name}; RELEASE ${name}`)
      else if (open) this.#depth -= 1
      throw error
    }
  }

  async getAlarm(): Promise<number | null> {
    this.#assertAlive()
    return this.alarmAt
  }

  async setAlarm(at: number): Promise<void> {
    this.#assertAlive()
    this.point('before set alarm')
    this.alarmAt = at
    this.point('after set alarm')
  }

  async deleteAlarm(): Promise<void> {
    this.#assertAlive()
    this.alarmAt = null
  }

  /** A place where the process may die; destinations and handlers of a test add their own. */
  point(name: string): void {
    this.#assertAlive()
    try {
      this.onPoint?.(name)
    } catch (error) {
      if (error instanceof Crash) this.#dead = error
      throw error
    }
  }

  /** A new process on the same disk. */
  revive(): void {
    this.#dead = undefined
  }

  close(): void {
    this.#database.close()
  }

  #assertAlive(): void {
    if (this.#dead !== undefined) throw this.#dead
  }
}

const steps = new Map<string, string | undefined>()

/** `insert events` for a statement that writes; nothing for one that reads or makes tables. */
function writeStep(sql: string): string | undefined {
  if (steps.has(sql)) return steps.get(sql)
  const found = /^\s*(INSERT|UPDATE|DELETE)\s+(?:OR\s+\w+\s+)?(?:INTO\s+|FROM\s+)?(\w+)/i.exec(sql)
  const step = found === null ? undefined : `${found[1]?.toLowerCase()} ${found[2]}`
  steps.set(sql, step)
  return step
}

import type { JournalStorage, SqlRow } from './types.ts'

export type Exec = JournalStorage['exec']
export type SchemaStep = (sql: Exec) => void

/**
 * The journal's own tables, numbered from 1. A released step is never edited: the next change is the next step.
 * Objects' own tables must not take these names.
 */
const journalSteps: readonly SchemaStep[] = [
  (exec) => {
    exec(`CREATE TABLE object (
      one INTEGER PRIMARY KEY CHECK (one = 1), name TEXT NOT NULL, state TEXT NOT NULL,
      journal_version INTEGER NOT NULL, schema_version INTEGER NOT NULL, timer_generation INTEGER NOT NULL)`)
    exec(`CREATE TABLE inputs (
      key TEXT PRIMARY KEY, body_hash TEXT NOT NULL, first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL,
      outcome TEXT NOT NULL, traceparent TEXT, at INTEGER NOT NULL)`)
    exec(`CREATE TABLE events (
      seq INTEGER PRIMARY KEY, id TEXT NOT NULL, type TEXT NOT NULL, version INTEGER NOT NULL, time TEXT NOT NULL,
      actor TEXT NOT NULL, data TEXT, salt TEXT, data_hash TEXT NOT NULL, hash TEXT NOT NULL)`)
    exec(`CREATE TABLE head (
      one INTEGER PRIMARY KEY CHECK (one = 1), seq INTEGER NOT NULL, hash TEXT NOT NULL,
      base_seq INTEGER NOT NULL, base_hash TEXT NOT NULL)`)
    exec(`CREATE TABLE outbox (
      id TEXT PRIMARY KEY, destination TEXT NOT NULL, body TEXT NOT NULL, state TEXT NOT NULL,
      boot_id TEXT, attempts INTEGER NOT NULL, due_at INTEGER NOT NULL, sent_at INTEGER, first_seq INTEGER NOT NULL)`)
    exec('CREATE INDEX outbox_due ON outbox (state, destination, due_at)')
    exec('CREATE INDEX outbox_sent ON outbox (state, sent_at)')
    exec(`CREATE TABLE timers (
      name TEXT PRIMARY KEY, at INTEGER NOT NULL, data TEXT NOT NULL, generation INTEGER NOT NULL,
      attempts INTEGER NOT NULL, retry_at INTEGER NOT NULL)`)
    exec(
      'CREATE TABLE tickets (hash TEXT PRIMARY KEY, principal TEXT NOT NULL, expires_at INTEGER NOT NULL)',
    )
  },
]

interface Versions extends SqlRow {
  journal_version: number
  schema_version: number
}

/** Whether `create` has run. Looks, and writes nothing. */
export function isCreated(exec: Exec): boolean {
  return exec(`SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'object'`).length > 0
}

/** Makes all tables and the object's one row. Runs inside the transaction of the first input. */
export function createTables(
  exec: Exec,
  name: string,
  genesisHash: string,
  ownSteps: readonly SchemaStep[],
): void {
  for (const step of journalSteps) step(exec)
  for (const step of ownSteps) step(exec)
  exec(
    `INSERT INTO object VALUES (1, ?, 'null', ?, ?, 0)`,
    name,
    journalSteps.length,
    ownSteps.length,
  )
  exec('INSERT INTO head VALUES (1, 0, ?, 0, ?)', genesisHash, genesisHash)
}

/** Runs the steps an existing object lacks, each once, all in one transaction. */
export function migrate(storage: JournalStorage, ownSteps: readonly SchemaStep[]): void {
  const [versions] = storage.exec<Versions>('SELECT journal_version, schema_version FROM object')
  if (versions === undefined) return
  const lacking = [
    ...journalSteps.slice(versions.journal_version),
    ...ownSteps.slice(versions.schema_version),
  ]
  if (lacking.length === 0) return
  storage.transaction(() => {
    for (const step of lacking) step(storage.exec.bind(storage))
    // A rollback to older code leaves higher numbers standing: its steps have run already.
    storage.exec(
      'UPDATE object SET journal_version = max(journal_version, ?), schema_version = max(schema_version, ?)',
      journalSteps.length,
      ownSteps.length,
    )
  })
}

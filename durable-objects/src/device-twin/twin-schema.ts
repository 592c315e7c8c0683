import type { JournalStorage } from '../journal/index.ts'
import { createCommandTable } from './commands/command-store.ts'
import { createHistoryTable } from './document/twin-history.ts'
import { addRegistryFields } from './registry/registry-schema.ts'
import { addNewestNumber, addRingBytes, addRings, addSampleBytes } from './telemetry/ring-schema.ts'

/** The twin's own tables, beside the journal's. Samples are not events: they carry no `seq` and are not replayed. */
export function createTwinTables(exec: JournalStorage['exec']): void {
  // `key` tells samples of one time apart: `{epoch}.{seq}`, a hash of the values, or a fresh id.
  exec(`CREATE TABLE samples (
    stream TEXT NOT NULL, at INTEGER NOT NULL, key TEXT NOT NULL, seq INTEGER, vals TEXT NOT NULL,
    PRIMARY KEY (stream, at, key)) WITHOUT ROWID`)
  exec(`CREATE TABLE streams (
    name TEXT PRIMARY KEY, at INTEGER NOT NULL, epoch INTEGER, seq INTEGER, vals TEXT NOT NULL,
    stored INTEGER NOT NULL) WITHOUT ROWID`)
  exec(`CREATE TABLE minutes (
    stream TEXT NOT NULL, start INTEGER NOT NULL, count INTEGER NOT NULL, vals TEXT NOT NULL,
    PRIMARY KEY (stream, start)) WITHOUT ROWID`)
  exec(`CREATE TABLE numbering (
    epoch INTEGER PRIMARY KEY, acked_through INTEGER NOT NULL, ahead TEXT NOT NULL)`)
  exec('CREATE TABLE event_ids (id TEXT PRIMARY KEY, at INTEGER NOT NULL)')
  exec(`CREATE TABLE rejections (
    id TEXT PRIMARY KEY, code TEXT NOT NULL, detail TEXT NOT NULL, at INTEGER NOT NULL)`)
  exec('CREATE INDEX rejections_at ON rejections (at)')
  exec(`CREATE TABLE contact (
    one INTEGER PRIMARY KEY CHECK (one = 1), seen_at INTEGER, link TEXT NOT NULL)`)
  exec(`INSERT INTO contact VALUES (1, NULL, 'default')`)
}

/** The tables of a twin beside the journal's, in the order they came to be. A released step is never edited. */
export const twinSchema: readonly ((exec: JournalStorage['exec']) => void)[] = [
  createTwinTables,
  createCommandTable,
  createHistoryTable,
  addRegistryFields,
  addRings,
  addSampleBytes,
  addRingBytes,
  addNewestNumber,
]

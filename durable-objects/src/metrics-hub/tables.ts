import { durationBuckets, type SeriesName, series } from '@menagerie/contracts'
import type { GaugeReading, SeriesDelta } from './delta.ts'
import { type Labels, labelKey, labelsOfKey, limitLabels } from './labels.ts'
import type { Family } from './text-format.ts'

type Cell = string | number | null
export type Exec = <T extends Record<string, SqlStorageValue>>(
  sql: string,
  ...bindings: Cell[]
) => T[]

/** Numbered from 1; a released step is never edited. */
const steps: readonly ((exec: Exec) => void)[] = [
  (exec) => {
    exec('CREATE TABLE object (one INTEGER PRIMARY KEY CHECK (one = 1), schema_version INTEGER)')
    exec('INSERT INTO object VALUES (1, 0)')
    exec('CREATE TABLE flushes (id TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID')
    exec('CREATE INDEX flushes_at ON flushes (at)')
    // `value` is a counter's or gauge's sum, or the sum of a histogram's observations; `count` is theirs alone.
    exec(`CREATE TABLE series (
      name TEXT NOT NULL, labels TEXT NOT NULL, value REAL NOT NULL, count INTEGER NOT NULL,
      PRIMARY KEY (name, labels)) WITHOUT ROWID`)
    exec(`CREATE TABLE buckets (
      name TEXT NOT NULL, labels TEXT NOT NULL, bound REAL NOT NULL, observations INTEGER NOT NULL,
      PRIMARY KEY (name, labels, bound)) WITHOUT ROWID`)
  },
]

/** Whether anything was ever recorded. Looks, and writes nothing. */
export const hasTables = (exec: Exec): boolean =>
  exec(`SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'object'`).length > 0

/** Makes the tables, or brings them up to this version's; runs inside a transaction. */
export function migrate(exec: Exec): void {
  const [row] = hasTables(exec)
    ? exec<{ version: number }>('SELECT schema_version AS version FROM object')
    : []
  const version = row?.version ?? 0
  if (version >= steps.length) return
  for (const step of steps.slice(version)) step(exec)
  exec('UPDATE object SET schema_version = ?', steps.length)
}

/** Flush ids are kept this long: far longer than a flush is tried again. */
const KEEP_FLUSHES_MS = 3_600_000

/** Notes a flush; false where it was noted before. */
export function noteFlush(exec: Exec, flushId: string, now: number): boolean {
  exec('DELETE FROM flushes WHERE at < ?', now - KEEP_FLUSHES_MS)
  return exec('INSERT OR IGNORE INTO flushes VALUES (?, ?) RETURNING id', flushId, now).length > 0
}

/** Adds one delta. What would make a counter go backwards, or is no number, is left out. */
export function addDelta(exec: Exec, delta: SeriesDelta): void {
  const kind = Object.hasOwn(series, delta.name) ? series[delta.name].kind : undefined
  switch (delta.kind) {
    case 'sum': {
      if (kind !== 'counter' && kind !== 'gauge') return
      if (!Number.isFinite(delta.value) || (kind === 'counter' && delta.value < 0)) return
      addRow(exec, delta.name, limited(exec, delta.name, delta.labels), delta.value, 0)
      return
    }
    case 'histogram': {
      if (kind !== 'histogram' || !(delta.count > 0) || !Number.isFinite(delta.sum)) return
      const key = limited(exec, delta.name, delta.labels)
      addRow(exec, delta.name, key, delta.sum, delta.count)
      for (const [bound, observations] of delta.buckets)
        exec(
          `INSERT INTO buckets VALUES (?, ?, ?, ?)
           ON CONFLICT DO UPDATE SET observations = observations + excluded.observations`,
          delta.name,
          key,
          bound,
          observations,
        )
    }
  }
}

function addRow(exec: Exec, name: string, key: string, value: number, count: number): void {
  exec(
    `INSERT INTO series VALUES (?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET value = value + excluded.value, count = count + excluded.count`,
    name,
    key,
    value,
    count,
  )
}

function limited(exec: Exec, name: string, labels: Labels): string {
  const key = labelKey(labels)
  const known = exec('SELECT 1 FROM series WHERE name = ? AND labels = ?', name, key).length > 0
  if (known) return key
  const [row] = exec<{ count: number }>('SELECT count(*) AS count FROM series WHERE name = ?', name)
  return labelKey(limitLabels(labels, known, row?.count ?? 0))
}

type SeriesRow = { name: string; labels: string; value: number; count: number }
type BucketRow = { name: string; labels: string; bound: number; observations: number }

/**
 * Everything recorded, and the gauges their owners answered: where both know a label set, the owner is right.
 */
export function families(exec: Exec, gauges: readonly GaugeReading[]): Family[] {
  const recorded = hasTables(exec)
  const rows = Map.groupBy(
    recorded ? exec<SeriesRow>('SELECT name, labels, value, count FROM series') : [],
    (row) => row.name,
  )
  const buckets = Map.groupBy(
    recorded ? exec<BucketRow>('SELECT name, labels, bound, observations FROM buckets') : [],
    (row) => bucketsKey(row),
  )
  return (Object.keys(series) as SeriesName[]).map((name) =>
    familyOf(name, rows.get(name) ?? [], buckets, gauges),
  )
}

const bucketsKey = ({ name, labels }: { name: string; labels: string }) => `${name}\n${labels}`

function familyOf(
  name: SeriesName,
  rows: readonly SeriesRow[],
  buckets: ReadonlyMap<string, BucketRow[]>,
  gauges: readonly GaugeReading[],
): Family {
  const { kind, help } = series[name]
  switch (kind) {
    case 'counter':
      return { kind, name, help, samples: rows.map(({ labels, value }) => sample(labels, value)) }
    case 'gauge': {
      // The sum itself may pass below 0 while a decrement is ahead of its increment; nobody is shown that.
      const values = new Map(rows.map(({ labels, value }) => [labels, Math.max(0, value)]))
      for (const reading of gauges)
        if (reading.name === name && isReading(reading))
          values.set(labelKey(reading.labels), reading.value)
      return { kind, name, help, samples: [...values].map(([key, value]) => sample(key, value)) }
    }
    case 'histogram':
      return {
        kind,
        name,
        help,
        bounds: durationBuckets[name as keyof typeof durationBuckets],
        samples: rows.map((row) => ({
          labels: labelsOfKey(row.labels),
          sum: row.value,
          count: row.count,
          buckets: new Map(
            buckets.get(bucketsKey(row))?.map(({ bound, observations }) => [bound, observations]),
          ),
        })),
      }
  }
}

const sample = (key: string, value: number) => ({ labels: labelsOfKey(key), value })

/** A gauge with exactly the declared labels and a number. */
function isReading({ name, labels, value }: GaugeReading): boolean {
  const declared: readonly string[] = series[name].labels
  const given = Object.keys(labels)
  return (
    Number.isFinite(value) &&
    given.length === declared.length &&
    given.every((label) => declared.includes(label))
  )
}

import type { JournalStorage } from '../../journal/types.ts'

/** How much each stream holds. What it held before is counted when its oldest samples go. */
export function addSampleBytes(exec: JournalStorage['exec']): void {
  exec('ALTER TABLE streams ADD bytes INTEGER NOT NULL DEFAULT 0')
}

/** Hours and days beside the minutes. What a device has sent so far is added to them with its next message. */
export function addRings(exec: JournalStorage['exec']): void {
  for (const ring of ['hours', 'days'])
    exec(`CREATE TABLE ${ring} (
      stream TEXT NOT NULL, start INTEGER NOT NULL, count INTEGER NOT NULL, vals TEXT NOT NULL,
      PRIMARY KEY (stream, start)) WITHOUT ROWID`)
  exec('CREATE TABLE rolled (stream TEXT PRIMARY KEY, until INTEGER NOT NULL) WITHOUT ROWID')
  exec('INSERT INTO rolled SELECT name, 0 FROM streams')
  // Hours before `told_until` are told of; `due` is when the next ones are, `NULL` while nothing comes in.
  exec(`CREATE TABLE told_hours (
    one INTEGER PRIMARY KEY CHECK (one = 1), told_until INTEGER, due INTEGER)`)
  exec('INSERT INTO told_hours VALUES (1, NULL, NULL)')
}

/** How much each stream holds in buckets. What it held before is counted once it has grown by as much as it may hold. */
export function addRingBytes(exec: JournalStorage['exec']): void {
  exec('ALTER TABLE streams ADD ring_bytes INTEGER NOT NULL DEFAULT 0')
}

/** The greatest number of each stream: the latest sample may have none. */
export function addNewestNumber(exec: JournalStorage['exec']): void {
  exec('ALTER TABLE streams ADD newest_epoch INTEGER')
  exec('ALTER TABLE streams ADD newest_seq INTEGER')
  exec('UPDATE streams SET newest_epoch = epoch, newest_seq = seq')
}

import type { TelemetryBucket, TelemetryValues } from '@menagerie/contracts'
import type { JournalStorage, SqlRow } from '../../journal/types.ts'
import {
  addBucket,
  addSample,
  type Bucket,
  emptyBucket,
  HOUR_MS,
  MINUTE_MS,
  type Ring,
  readBucket,
  rings,
  startOf,
  toTelemetryBucket,
  writeBucket,
} from './buckets.ts'
import { jsonChunks } from './json-chunks.ts'
import { trimRings } from './ring-size.ts'

const TIDY_EVERY_MS = HOUR_MS
/** What a query gives at most: buckets, and characters of what is stored of them. */
const MAX_BUCKETS = 10_000
const MAX_CHARACTERS = 8 * 1024 * 1024
const PAGE = 500
const names = ['minutes', 'hours', 'days'] as const

/** What of a sample goes into buckets. */
interface Tallied {
  stream: string
  /** Milliseconds since the epoch. */
  at: number
  values: TelemetryValues
}

interface BucketRow extends SqlRow {
  start: number
  count: number
  vals: string
}

/** Buckets that a transaction changes, by their place. */
type Changes = Map<string, { ring: Ring; stream: string; bucket: Bucket }>

/**
 * Minutes, hours and days of one device's streams. A sample is written into its minute; when a minute is over, it is
 * added to its hour and day, so that they cost nothing for each message. Hours and days are thus those that are stored
 * and the minutes from `rolled.until` on. A sample of an earlier minute is added to all three at once. What is remembered
 * beside the tables are caches; after a transaction that failed they must be dropped by `forget`.
 */
export class RingStore {
  readonly #exec: JournalStorage['exec']
  /** The minute that was used last of each stream: most samples fall into it. */
  readonly #lastMinutes = new Map<string, Bucket>()
  readonly #tidyAt = new Map<string, number>()
  /** Minutes before these have been added to hours and days. */
  #rolledUntil: Map<string, number> | undefined

  constructor(exec: JournalStorage['exec']) {
    this.#exec = exec
  }

  /** Adds samples to their buckets; runs inside a transaction. @returns by how many bytes each stream's have grown */
  save(samples: readonly Tallied[], now: number): Map<string, number> {
    const changes: Changes = new Map()
    const streams = new Set(samples.map(({ stream }) => stream))
    for (const stream of streams) this.#roll(changes, stream, now)
    for (const { stream, at, values } of samples) {
      const isLate = startOf('minutes', at) < this.#untilOf(stream)
      for (const ring of isLate ? names : (['minutes'] as const))
        if (isKept(ring, at, now)) addSample(this.#changed(changes, ring, stream, at), values)
    }
    const grown = this.#write(changes)
    for (const stream of streams) this.#tidy(stream, now)
    return grown
  }

  /** Adds what is over of all streams to their hours and days; runs inside a transaction. */
  rollAll(now: number): void {
    const changes: Changes = new Map()
    for (const stream of this.#rolled().keys()) this.#roll(changes, stream, now)
    for (const [stream, bytes] of this.#write(changes))
      this.#exec('UPDATE streams SET ring_bytes = ring_bytes + ? WHERE name = ?', bytes, stream)
  }

  /** Keeps a stream's buckets small enough; runs inside a transaction. @returns the bytes that are left */
  trim(stream: string): number {
    this.#lastMinutes.delete(stream)
    return trimRings(this.#exec, stream)
  }

  /** The newest buckets that begin in a range (milliseconds since the epoch, half-open), oldest first. */
  read(ring: Ring, stream: string, from: number, to: number): TelemetryBucket[] {
    const found = this.#newest(ring, stream, from, to)
    if (ring === 'minutes') return found.reverse().map(toTelemetryBucket)
    const buckets = new Map(found.map((bucket) => [bucket.start, bucket]))
    for (const minute of this.#minutes(stream, this.#untilOf(stream), Number.MAX_SAFE_INTEGER)) {
      const start = startOf(ring, minute.start)
      if (start < from || start >= to) continue
      const bucket = buckets.get(start) ?? emptyBucket(start)
      buckets.set(start, bucket)
      addBucket(bucket, minute)
    }
    return [...buckets.values()]
      .sort((one, other) => one.start - other.start)
      .slice(-MAX_BUCKETS)
      .map(toTelemetryBucket)
  }

  /** Newest first; a page at a time, since a device that makes up names could make more than an object can hold at once. */
  #newest(ring: Ring, stream: string, from: number, to: number): Bucket[] {
    const buckets: Bucket[] = []
    let characters = 0
    let below = to
    for (;;) {
      const rows = this.#exec<BucketRow>(
        `SELECT start, count, vals FROM ${ring} WHERE stream = ? AND start >= ? AND start < ?
         ORDER BY start DESC LIMIT ${PAGE}`,
        stream,
        from,
        below,
      )
      for (const { start, count, vals } of rows) {
        characters += vals.length
        if (characters > MAX_CHARACTERS || buckets.length === MAX_BUCKETS) return buckets
        buckets.push(readBucket(start, count, vals))
        below = start
      }
      if (rows.length < PAGE) return buckets
    }
  }

  /** Stored hours of all streams that begin in a range (half-open), the oldest first. */
  hours(from: number, to: number, limit: number): { stream: string; bucket: TelemetryBucket }[] {
    return this.#exec<BucketRow & { stream: string }>(
      `SELECT hours.stream, start, count, vals FROM rolled CROSS JOIN hours
       ON hours.stream = rolled.stream AND start >= ? AND start < ?
       ORDER BY start, hours.stream LIMIT ?`,
      from,
      to,
      limit,
    ).map(({ stream, start, count, vals }) => ({
      stream,
      bucket: toTelemetryBucket(readBucket(start, count, vals)),
    }))
  }

  /** Whether a stream has a sample from a minute on. */
  hasSince(start: number): boolean {
    const found = this.#exec(
      `SELECT 1 FROM rolled CROSS JOIN minutes
       ON minutes.stream = rolled.stream AND minutes.start >= ? LIMIT 1`,
      start,
    )
    return found.length > 0
  }

  /** Drops what is remembered: a transaction failed. */
  forget(): void {
    this.#lastMinutes.clear()
    this.#tidyAt.clear()
    this.#rolledUntil = undefined
  }

  /** Deletes all; runs inside a transaction. */
  clear(): void {
    for (const table of [...names, 'rolled']) this.#exec(`DELETE FROM ${table}`)
    this.forget()
  }

  #rolled(): Map<string, number> {
    if (this.#rolledUntil === undefined) {
      const rows = this.#exec<{ stream: string; until: number }>('SELECT stream, until FROM rolled')
      this.#rolledUntil = new Map(rows.map(({ stream, until }) => [stream, until]))
    }
    return this.#rolledUntil
  }

  #untilOf(stream: string): number {
    return this.#rolled().get(stream) ?? 0
  }

  /** Adds the minutes of a stream that are over to their hours and days. */
  #roll(changes: Changes, stream: string, now: number): void {
    const until = startOf('minutes', now)
    const before = this.#rolled().get(stream)
    if (before !== undefined && before >= until) return
    if (before !== undefined)
      for (const minute of this.#minutes(stream, before, until))
        for (const ring of ['hours', 'days'] as const)
          addBucket(this.#changed(changes, ring, stream, minute.start), minute)
    this.#exec('INSERT OR REPLACE INTO rolled (stream, until) VALUES (?, ?)', stream, until)
    this.#rolled().set(stream, until)
  }

  #minutes(stream: string, from: number, to: number): Bucket[] {
    return this.#exec<BucketRow>(
      'SELECT start, count, vals FROM minutes WHERE stream = ? AND start >= ? AND start < ?',
      stream,
      from,
      to,
    ).map(({ start, count, vals }) => readBucket(start, count, vals))
  }

  /** The bucket of a time, to be changed in place. */
  #changed(changes: Changes, ring: Ring, stream: string, at: number): Bucket {
    const start = startOf(ring, at)
    const place = `${ring} ${start} ${stream}`
    const known = changes.get(place)
    if (known !== undefined) return known.bucket
    const bucket = this.#stored(ring, stream, start)
    changes.set(place, { ring, stream, bucket })
    return bucket
  }

  #stored(ring: Ring, stream: string, start: number): Bucket {
    const remembered = ring === 'minutes' ? this.#lastMinutes.get(stream) : undefined
    if (remembered?.start === start) return remembered
    const [row] = this.#exec<BucketRow>(
      `SELECT start, count, vals FROM ${ring} WHERE stream = ? AND start = ?`,
      stream,
      start,
    )
    const bucket =
      row === undefined ? emptyBucket(start) : readBucket(row.start, row.count, row.vals)
    if (ring === 'minutes') this.#lastMinutes.set(stream, bucket)
    return bucket
  }

  /** One statement for each table, since an object binds at most 100 values. */
  #write(changes: Changes): Map<string, number> {
    const grown = new Map<string, number>()
    for (const ring of names) {
      const changed = [...changes.values()].filter((change) => change.ring === ring)
      if (changed.length === 0) continue
      const rows = changed.map(({ stream, bucket }) => {
        const text = writeBucket(bucket)
        const bytes = Buffer.byteLength(text)
        grown.set(stream, (grown.get(stream) ?? 0) + bytes - bucket.storedBytes)
        bucket.storedBytes = bytes
        return [stream, bucket.start, bucket.count, text]
      })
      for (const chunk of jsonChunks(rows))
        this.#exec(
          `INSERT OR REPLACE INTO ${ring} (stream, start, count, vals)
           SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(?)`,
          chunk,
        )
    }
    return grown
  }

  #tidy(stream: string, now: number): void {
    if (now < (this.#tidyAt.get(stream) ?? 0)) return
    this.#tidyAt.set(stream, now + TIDY_EVERY_MS)
    for (const ring of names)
      this.#exec(
        `DELETE FROM ${ring} WHERE stream = ? AND start < ?`,
        stream,
        startOf('minutes', now - rings[ring].keptMs - MINUTE_MS),
      )
  }
}

/** Older samples are kept as samples alone: their bucket is gone, and one that began anew would not hold the others. */
const isKept = (ring: Ring, at: number, now: number): boolean =>
  startOf(ring, at) >= now - rings[ring].keptMs

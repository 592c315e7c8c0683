import type {
  Telemetry,
  TelemetryQuery,
  TelemetrySample,
  TelemetryValues,
} from '@menagerie/contracts'
import { toTimestamp } from '@menagerie/core'
import type { JournalStorage, SqlRow } from '../../journal/index.ts'
import { type DeviceNumber, isAfter } from '../intake/numbering.ts'
import { HourRoll } from './hour-roll.ts'
import { jsonChunks } from './json-chunks.ts'
import { MAX_RING_BYTES } from './ring-size.ts'
import { RingStore } from './ring-store.ts'

/** Samples of a stream that are kept, the newest by their time; what a query gives at most. */
export const MAX_SAMPLES = 10_000
/** How many more may gather before the oldest go, so that not every insert has to look. */
const SAMPLES_SLACK = 1_000
/** Of JSON in one stream; beyond it half of the samples go. No device fills its object, which would hold up the others. */
export const MAX_SAMPLE_BYTES = 16 * 1024 * 1024
const MAX_TIME = 8.64e15

/** A sample to be kept. */
export interface NewSample {
  stream: string
  /** Milliseconds since the epoch. */
  at: number
  /** Tells it from other samples of the stream at that time. */
  key: string
  number: DeviceNumber | undefined
  values: TelemetryValues
  /** The values as JSON. */
  text: string
}

interface Latest {
  at: number
  number: DeviceNumber | undefined
  /** The greatest number of any sample. */
  newest: DeviceNumber | undefined
  text: string
  /** Samples of the stream that are stored, roughly, and the bytes of their values. */
  stored: number
  bytes: number
  /** Bytes of the stream's buckets; what went by age is counted until they are too many. */
  ringBytes: number
}

interface StreamRow extends SqlRow {
  name: string
  at: number
  newest_epoch: number | null
  newest_seq: number | null
  epoch: number | null
  seq: number | null
  vals: string
  stored: number
  bytes: number
  ring_bytes: number
}

interface SampleRow extends SqlRow {
  at: number
  seq: number | null
  vals: string
}

/**
 * The telemetry of one device: samples, the latest of each stream, and buckets. What it remembers beside the tables are
 * caches; after a transaction that failed they must be dropped by `forget`.
 */
export class TelemetryStore {
  readonly #exec: JournalStorage['exec']
  #streams: Map<string, Latest> | undefined
  readonly rings: RingStore
  /** Tells of hours that have ended. */
  readonly hourRoll: HourRoll

  constructor(exec: JournalStorage['exec']) {
    this.#exec = exec
    this.rings = new RingStore(exec)
    this.hourRoll = new HourRoll(exec, this.rings, () => this.forget())
  }

  hasStream(name: string): boolean {
    return this.#latest().has(name)
  }

  /** The greatest of the device's own numbers in a stream, where it has any. */
  latestNumber(stream: string): DeviceNumber | undefined {
    return this.#latest().get(stream)?.newest
  }

  get streamCount(): number {
    return this.#latest().size
  }

  /** Those of the places that hold a sample already. */
  known(places: readonly Pick<NewSample, 'stream' | 'at' | 'key'>[]): Set<string> {
    if (places.length === 0) return new Set()
    const asked = jsonChunks(places.map(({ stream, at, key }) => [stream, at, key]))
    const rows = asked.flatMap((chunk) =>
      this.#exec<{ stream: string; at: number; key: string }>(
        `SELECT s.stream, s.at, s.key FROM json_each(?) AS asked CROSS JOIN samples AS s
         ON s.stream = asked.value ->> 0 AND s.at = asked.value ->> 1
         AND s.key = asked.value ->> 2`,
        chunk,
      ),
    )
    return new Set(rows.map(placeOf))
  }

  /** Keeps samples; runs inside a transaction. One statement for each table, since an object binds at most 100 values. */
  save(samples: readonly NewSample[], now: number): void {
    if (samples.length === 0) return
    // Before the new ones: a request that is repeated must find its own, also those older than all that are kept.
    for (const stream of new Set(samples.map((sample) => sample.stream)))
      this.#dropOldSamples(stream)
    const rows = samples.map(({ stream, at, key, number, text }) => [
      stream,
      at,
      key,
      number?.seq ?? null,
      text,
    ])
    for (const chunk of jsonChunks(rows))
      this.#exec(
        `INSERT OR IGNORE INTO samples (stream, at, key, seq, vals)
         SELECT value ->> 0, value ->> 1, value ->> 2,
           value ->> 3, value ->> 4 FROM json_each(?)`,
        chunk,
      )
    this.#saveLatest(samples, this.rings.save(samples, now))
  }

  /** Drops what is remembered: a transaction failed. */
  forget(): void {
    this.#streams = undefined
    this.rings.forget()
    this.hourRoll.forget()
  }

  /** The latest sample of every stream, or of one. */
  latest(stream?: string): Record<string, TelemetrySample> {
    // Names of streams are any word, `__proto__` too: entries and not assignments.
    return Object.fromEntries(
      [...this.#latest()]
        .filter(([name]) => stream === undefined || name === stream)
        .map(([name, { at, number, text }]) => [name, toSample(at, number?.seq ?? null, text)]),
    )
  }

  /** The newest samples of a range (milliseconds since the epoch, half-open), oldest first. */
  raw(stream: string, from: number, to: number): TelemetrySample[] {
    return this.#exec<SampleRow>(
      `SELECT at, seq, vals FROM samples WHERE stream = ? AND at >= ? AND at < ?
       ORDER BY at DESC, seq DESC, key DESC LIMIT ${MAX_SAMPLES}`,
      stream,
      from,
      to,
    )
      .reverse()
      .map(({ at, seq, vals }) => toSample(at, seq, vals))
  }

  /** The latest of every stream; with a stream named, also what is kept of it, oldest first. */
  read({ stream, from, to, resolution }: TelemetryQuery): Telemetry {
    const latest = this.latest(stream)
    if (stream === undefined) return { latest }
    const start = from === undefined ? -MAX_TIME : Date.parse(from)
    const end = to === undefined ? MAX_TIME : Date.parse(to)
    const series =
      resolution === 'raw'
        ? this.raw(stream, start, end)
        : this.rings.read(`${resolution}s`, stream, start, end)
    return { latest, series }
  }

  /** Deletes all that was sent; runs inside a transaction. */
  clear(): void {
    for (const table of ['samples', 'streams']) this.#exec(`DELETE FROM ${table}`)
    this.rings.clear()
    this.forget()
  }

  #latest(): Map<string, Latest> {
    if (this.#streams === undefined) {
      const rows = this.#exec<StreamRow>('SELECT * FROM streams')
      this.#streams = new Map(
        rows.map(({ name, at, vals, stored, bytes, ring_bytes, ...row }) => {
          const number = numberOf(row.epoch, row.seq)
          const newest = numberOf(row.newest_epoch, row.newest_seq)
          return [name, { at, number, newest, text: vals, stored, bytes, ringBytes: ring_bytes }]
        }),
      )
    }
    return this.#streams
  }

  /** @param grown by how many bytes the buckets of each stream have */
  #saveLatest(samples: readonly NewSample[], grown: ReadonlyMap<string, number>): void {
    const streams = this.#latest()
    const touched = new Set<string>()
    for (const { stream, at, number, text } of samples) {
      touched.add(stream)
      const known = streams.get(stream)
      const stored = (known?.stored ?? 0) + 1
      const bytes = (known?.bytes ?? 0) + Buffer.byteLength(text)
      const latest =
        known === undefined || isNewer({ at, number }, known) ? { at, number, text } : known
      const newest = greater(number, known?.newest)
      const ringBytes = known?.ringBytes ?? 0
      streams.set(stream, { ...latest, newest, stored, bytes, ringBytes })
    }
    for (const stream of touched) this.#dropOldBuckets(stream, streams, grown.get(stream) ?? 0)
    const rows = [...touched].map((name) => {
      const row = streams.get(name)
      const { number, newest } = row ?? {}
      return [
        ...[name, row?.at, number?.epoch, number?.seq, row?.text, row?.stored, row?.bytes],
        ...[row?.ringBytes, newest?.epoch, newest?.seq],
      ]
    })
    for (const chunk of jsonChunks(rows))
      this.#exec(
        `INSERT OR REPLACE INTO streams
           (name, at, epoch, seq, vals, stored, bytes, ring_bytes, newest_epoch, newest_seq)
         SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4,
           value ->> 5, value ->> 6, value ->> 7, value ->> 8, value ->> 9
         FROM json_each(?)`,
        chunk,
      )
  }

  #dropOldSamples(stream: string): void {
    const streams = this.#latest()
    const known = streams.get(stream)
    if (known === undefined) return
    const { stored, bytes } = known
    if (bytes > MAX_SAMPLE_BYTES) {
      this.#keepNewest(stream, Math.floor(Math.min(stored, MAX_SAMPLES) / 2))
      streams.set(stream, { ...known, ...this.#sizeOf(stream) })
    } else if (stored > MAX_SAMPLES + SAMPLES_SLACK) {
      this.#keepNewest(stream, MAX_SAMPLES)
      // Counted exactly where it matters: here it would cost a look at every sample.
      streams.set(stream, {
        ...known,
        stored: MAX_SAMPLES,
        bytes: Math.ceil((bytes * MAX_SAMPLES) / stored),
      })
    }
  }

  #dropOldBuckets(stream: string, streams: Map<string, Latest>, grown: number): void {
    const known = streams.get(stream)
    if (known === undefined) return
    const ringBytes = known.ringBytes + grown
    const isFull = ringBytes > MAX_RING_BYTES
    streams.set(stream, { ...known, ringBytes: isFull ? this.rings.trim(stream) : ringBytes })
  }

  #keepNewest(stream: string, count: number): void {
    this.#exec(
      `DELETE FROM samples WHERE stream = ?1 AND (at, key) <= (SELECT at, key FROM samples
         WHERE stream = ?1 ORDER BY at DESC, key DESC LIMIT 1 OFFSET ?2)`,
      stream,
      count,
    )
  }

  #sizeOf(stream: string): { stored: number; bytes: number } | undefined {
    return this.#exec<{ stored: number; bytes: number }>(
      `SELECT count(*) AS stored, total(length(CAST(vals AS BLOB))) AS bytes FROM samples
       WHERE stream = ?`,
      stream,
    )[0]
  }
}

/** A sample's place in its stream, as one text. */
export const placeOf = ({ stream, at, key }: Pick<NewSample, 'stream' | 'at' | 'key'>): string =>
  `${stream} ${at} ${key}`

/** By the device's numbers where both have one, else by time; of two at one time, the one that came later. */
function isNewer(sample: Pick<Latest, 'at' | 'number'>, known: Pick<Latest, 'at' | 'number'>) {
  if (sample.number !== undefined && known.number !== undefined)
    return isAfter(sample.number, known.number)
  return sample.at >= known.at
}

const toSample = (at: number, seq: number | null, text: string): TelemetrySample => ({
  values: JSON.parse(text) as TelemetryValues,
  time: toTimestamp(at),
  ...(seq === null ? {} : { seq }),
})

const numberOf = (epoch: number | null, seq: number | null): DeviceNumber | undefined =>
  epoch === null || seq === null ? undefined : { epoch, seq }

const greater = (one: DeviceNumber | undefined, other: DeviceNumber | undefined) =>
  one === undefined || (other !== undefined && isAfter(other, one)) ? other : one

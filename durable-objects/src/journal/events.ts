import { canonicalJson, type JsonObject, toTimestamp } from '@menagerie/core'
import { hashData, hashLink } from './chain.ts'
import { Refusal } from './refusal.ts'
import type { Exec } from './schema.ts'
import type { JournalEvent, JournalHead, NewEvent, ProofLink, SqlRow } from './types.ts'

/** workerd takes larger rows locally; production does not. */
const MAX_EVENT_BYTES = 64 * 1024
const ERASE_PAGE = 500

interface EventRow extends SqlRow {
  seq: number
  id: string
  type: string
  version: number
  time: string
  actor: string
  data: string | null
}

interface HeadRow extends SqlRow {
  seq: number
  hash: string
  base_seq: number
  base_hash: string
}

interface LinkRow extends SqlRow {
  seq: number
  salt: string | null
  data_hash: string
  hash: string
}

/** Head and base: numbering and chain never depend on rows that retention has removed. */
export interface Bounds {
  head: JournalHead
  base: JournalHead
}

export function readBounds(exec: Exec): Bounds {
  const [row] = exec<HeadRow>('SELECT seq, hash, base_seq, base_hash FROM head')
  if (row === undefined) throw new Error('A created journal has a head')
  return {
    head: { seq: row.seq, hash: row.hash },
    base: { seq: row.base_seq, hash: row.base_hash },
  }
}

/** A new event with its canonical data, measured before anything is written. */
export interface SealedEvent {
  type: string
  version: number
  data: JsonObject
  canonical: string
}

/**
 * Measures new events.
 *
 * @throws Refusal `payload_too_large` for more than 64 KiB of canonical JSON
 */
export function seal(event: NewEvent): SealedEvent {
  const canonical = canonicalJson(event.data)
  if (Buffer.byteLength(canonical) > MAX_EVENT_BYTES) {
    const detail = `An event holds at most ${MAX_EVENT_BYTES} bytes of data`
    throw new Refusal({ code: 'payload_too_large', detail })
  }
  return { type: event.type, version: event.version ?? 1, data: event.data, canonical }
}

/**
 * Appends events after the head, numbers and chains them, and moves the head. Runs inside a transaction.
 *
 * @param object `{kind}/{name}`
 * @param salt makes 16 random bytes, hex, for each event
 */
export function appendEvents(
  exec: Exec,
  object: string,
  actor: string,
  events: readonly SealedEvent[],
  now: number,
  salt: () => string,
): JournalEvent[] {
  if (events.length === 0) return []
  const time = toTimestamp(now)
  let { seq, hash } = readBounds(exec).head
  const appended = events.map((event) => {
    seq += 1
    const id = `${object}:${seq}`
    const eventSalt = salt()
    const dataHash = hashData(eventSalt, event.canonical)
    hash = hashLink(hash, { seq, id, type: event.type, time, actor, dataHash })
    exec(
      `INSERT INTO events (seq, id, type, version, time, actor, data, salt, data_hash, hash)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      seq,
      id,
      event.type,
      event.version,
      time,
      actor,
      event.canonical,
      eventSalt,
      dataHash,
      hash,
    )
    return { seq, id, type: event.type, version: event.version, time, actor, data: event.data }
  })
  exec('UPDATE head SET seq = ?, hash = ?', seq, hash)
  return appended
}

/** Events after a number, in order. */
export function readEvents(exec: Exec, afterSeq: number, limit: number): JournalEvent[] {
  return exec<EventRow>(
    `SELECT seq, id, type, version, time, actor, data FROM events WHERE seq > ? ORDER BY seq LIMIT ?`,
    afterSeq,
    limit,
  ).map((row) => ({
    ...row,
    data: row.data === null ? null : (JSON.parse(row.data) as JsonObject),
  }))
}

/** The hashes of a range, in order; both ends included. */
export function readLinks(exec: Exec, fromSeq: number, toSeq: number): ProofLink[] {
  return exec<LinkRow>(
    'SELECT seq, salt, data_hash, hash FROM events WHERE seq BETWEEN ? AND ? ORDER BY seq',
    fromSeq,
    toSeq,
  ).map((row) => ({ seq: row.seq, salt: row.salt, dataHash: row.data_hash, hash: row.hash }))
}

/**
 * Clears data and salt of the chosen events; numbers, places and hashes stay, so every proof still holds. Runs inside a
 * transaction; returns how many were cleared.
 */
export function eraseEvents(exec: Exec, select: (event: JournalEvent) => boolean): number {
  let erased = 0
  let page = readEvents(exec, 0, ERASE_PAGE)
  while (page.length > 0) {
    for (const event of page) {
      if (event.data === null || !select(event)) continue
      exec('UPDATE events SET data = NULL, salt = NULL WHERE seq = ?', event.seq)
      erased += 1
    }
    page = readEvents(exec, page.at(-1)?.seq ?? 0, ERASE_PAGE)
  }
  return erased
}

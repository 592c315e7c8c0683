import { createHash } from 'node:crypto'
import { canonicalJson } from '@menagerie/core'
import type { Exec } from './schema.ts'
import type { JournalInput, SqlRow } from './types.ts'

const KEPT_MS = 24 * 60 * 60 * 1000
const KEPT_COUNT = 10_000
/** However many come in that time: about half of what an object may hold. */
const MOST_KEPT = 5_000_000
/** Tidying comes with every 256 inputs, and looks at no more than these. */
const FORGOTTEN_AT_ONCE = 1_000

interface InputRow extends SqlRow {
  body_hash: string
  first_seq: number
  last_seq: number
  outcome: string
}

export interface KnownInput {
  bodyHash: string
  firstSeq: number
  lastSeq: number
  /** JSON. */
  outcome: string
}

/** Actor, source and id, joined so that no two triples give one key. */
export const inputKey = (input: JournalInput): string =>
  JSON.stringify([input.actor, input.source, input.id])

/** SHA-256 of the canonical body, hex: tells a repeat from another request under the same key. */
export const bodyHash = (input: JournalInput): string =>
  createHash('sha256').update(canonicalJson(input.body)).digest('hex')

/** What the same key led to before, if it is still kept. */
export function findInput(exec: Exec, key: string): KnownInput | undefined {
  const [row] = exec<InputRow>(
    'SELECT body_hash, first_seq, last_seq, outcome FROM inputs WHERE key = ?',
    key,
  )
  if (row === undefined) return undefined
  return {
    bodyHash: row.body_hash,
    firstSeq: row.first_seq,
    lastSeq: row.last_seq,
    outcome: row.outcome,
  }
}

export function recordInput(
  exec: Exec,
  key: string,
  known: KnownInput,
  traceparent: string | undefined,
  now: number,
): void {
  exec(
    'INSERT INTO inputs (key, body_hash, first_seq, last_seq, outcome, traceparent, at) VALUES (?, ?, ?, ?, ?, ?, ?)',
    key,
    known.bodyHash,
    known.firstSeq,
    known.lastSeq,
    known.outcome,
    traceparent ?? null,
    now,
  )
}

/** Forgets the oldest inputs, 1,000 at most: those over 24 h old and not among the last 10,000, and what is beyond `most`. */
export function forgetOldInputs(exec: Exec, now: number, most = MOST_KEPT): void {
  exec(
    `DELETE FROM inputs WHERE rowid IN (SELECT rowid FROM inputs ORDER BY rowid LIMIT ?)
     AND rowid <= (SELECT max(rowid) FROM inputs) - iif(at < ?, ?, ?)`,
    FORGOTTEN_AT_ONCE,
    now - KEPT_MS,
    KEPT_COUNT,
    most,
  )
}

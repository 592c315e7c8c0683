import { createHash } from 'node:crypto'
import { canonicalJson, type JsonObject } from '@menagerie/core/canonical-json'
import { err, ok, type Result } from '@menagerie/core/result'

/** What stands before the first event: 32 zero bytes. */
export const genesisHash = '0'.repeat(64)

/** What an event's hash covers besides the hash before it. */
export interface ChainLink {
  seq: number
  id: string
  type: string
  time: string
  actor: string
  dataHash: string
}

/** An event as a page of events shows it; `data` is `null` after erasure. */
export interface ChainedEvent {
  seq: number
  id: string
  type: string
  time: string
  actor: string
  data: JsonObject | null
}

/** One event of a proof. `salt` is `null` once the event was erased; its `dataHash` still stands. */
export interface ProofLink {
  seq: number
  salt: string | null
  dataHash: string
  hash: string
}

/** Hashes that bind a range of events to each other (contract §3); the caller adds the signed head. */
export interface JournalProof {
  /** `{kind}/{name}`. */
  object: string
  fromSeq: number
  /** The hash before `fromSeq`: 64 zeros before the first event. */
  fromHash: string
  toSeq: number
  toHash: string
  events: ProofLink[]
}

export type ChainError =
  /** A number is missing, doubled or outside the range. */
  | { code: 'gap'; seq: number }
  /** The event's data are not those that were hashed. */
  | { code: 'data'; seq: number }
  /** The event or its place is not the one that was hashed. */
  | { code: 'hash'; seq: number }

/**
 * SHA-256(salt ‖ JCS(data)) in hex. The salt keeps short data from being guessed by its hash.
 *
 * @param salt hex
 * @param canonicalData RFC 8785
 */
export function hashData(salt: string, canonicalData: string): string {
  return createHash('sha256').update(salt, 'hex').update(canonicalData).digest('hex')
}

/** SHA-256(previous hash ‖ JCS(link)) in hex. */
export function hashLink(previousHash: string, link: ChainLink): string {
  const { seq, id, type, time, actor, dataHash } = link
  return createHash('sha256')
    .update(previousHash, 'hex')
    .update(canonicalJson({ seq, id, type, time, actor, dataHash }))
    .digest('hex')
}

/**
 * Checks that the events are exactly those of the proof, complete, in order and unchanged. Erased events keep their
 * place; their numbers are returned.
 *
 * @param proof from `GET …/proof`; who trusts it has checked the signature of its head and that `toHash` is the head's
 * @param events the same range from `GET …/events`, in order
 */
export function verifyChain(
  proof: JournalProof,
  events: readonly ChainedEvent[],
): Result<{ erased: number[] }, ChainError> {
  const erased: number[] = []
  let hash = proof.fromHash
  let seq = proof.fromSeq - 1
  for (const [index, link] of proof.events.entries()) {
    seq += 1
    const event = events[index]
    if (link.seq !== seq || event?.seq !== seq) return err({ code: 'gap', seq })
    if (event.data === null || link.salt === null) {
      if (event.data !== null || link.salt !== null) return err({ code: 'data', seq })
      erased.push(seq)
    } else if (hashData(link.salt, canonicalJson(event.data)) !== link.dataHash) {
      return err({ code: 'data', seq })
    }
    hash = hashLink(hash, { ...event, dataHash: link.dataHash })
    if (hash !== link.hash) return err({ code: 'hash', seq })
  }
  if (seq !== proof.toSeq || events.length !== proof.events.length)
    return err({ code: 'gap', seq: seq + 1 })
  return hash === proof.toHash ? ok({ erased }) : err({ code: 'hash', seq })
}

import { readBounds, readLinks } from './events.ts'
import type { Exec } from './schema.ts'
import type { JournalProof } from './types.ts'

/**
 * The hashes of a range, cut to what is kept: from `base + 1` at the earliest to the head at the latest. A range that
 * holds nothing gives no events, and both hashes are that of its place.
 */
export function readProof(
  exec: Exec,
  object: string,
  fromSeq: number,
  toSeq: number,
): JournalProof {
  const { head, base } = readBounds(exec)
  const from = Math.min(Math.max(fromSeq, base.seq + 1), head.seq + 1)
  const to = Math.max(Math.min(toSeq, head.seq), from - 1)
  const hashAt = (seq: number): string =>
    seq === base.seq ? base.hash : (readLinks(exec, seq, seq)[0]?.hash ?? head.hash)
  return {
    object,
    fromSeq: from,
    fromHash: hashAt(from - 1),
    toSeq: to,
    toHash: hashAt(to),
    events: readLinks(exec, from, to),
  }
}

import type { ChainedEvent, JournalProof } from '@menagerie/durable-objects/journal/chain'
import type { JSONWebKeySet } from 'jose'
import { z } from 'zod'

/** A proof as `GET …/proof` answers it. */
export type SignedProof = JournalProof & { head: string }

/** What is needed to check a stream of events without asking anybody. */
export interface Capture {
  events: ChainedEvent[]
  proof: SignedProof
  jwks: JSONWebKeySet
}

/** A file that cannot be used; its message says what to do. */
export class CaptureError extends Error {}

const Hash = z.string().regex(/^[0-9a-f]{64}$/)
const Proof = z.object({
  object: z.string(),
  fromSeq: z.number().int(),
  fromHash: Hash,
  toSeq: z.number().int(),
  toHash: Hash,
  events: z.array(
    z.object({ seq: z.number().int(), salt: z.string().nullable(), dataHash: Hash, hash: Hash }),
  ),
  head: z.string(),
})
const Jwks = z.object({ keys: z.array(z.record(z.string(), z.unknown())).min(1) })
/** An event of a page, or a frame of a socket: a frame has no id, and its number says which event it is. */
const Event = z.object({
  seq: z.number().int().positive(),
  id: z.string().optional(),
  type: z.string(),
  time: z.string(),
  actor: z.string(),
  data: z.record(z.string(), z.unknown()).nullable(),
})
const Batch = z.object({
  type: z.literal('batch'),
  data: z.object({ events: z.array(z.unknown()) }),
})
/** What a socket sends besides events. */
const OtherFrame = z.object({ type: z.string(), seq: z.undefined().optional() })

/**
 * Puts together what files hold: events (an answer of `GET …/events`, a list, or the frames of a socket), a proof and a
 * JWKS, each in a file of its own or all as members `events`, `proof` and `jwks` of one. JSON, or one JSON value a line.
 *
 * @throws CaptureError
 */
export function readCapture(texts: readonly string[]): Capture {
  const found: Found = { events: [] }
  for (const text of texts) for (const value of parse(text)) sort(value, found)
  const { proof, jwks } = found
  if (proof === undefined)
    throw new CaptureError('There is no proof: add the answer of GET …/proof')
  if (jwks === undefined)
    throw new CaptureError('There is no JWKS: add …/protocol/openid-connect/certs')
  const events = found.events.flatMap((value) => toEvents(value, proof.object))
  if (events.length === 0)
    throw new CaptureError('There are no events: add the answer of GET …/events')
  return { events, proof, jwks }
}

function parse(text: string): unknown[] {
  try {
    return [JSON.parse(text)]
  } catch {
    const lines = text.split('\n').filter((line) => line.trim() !== '')
    return lines.map((line, index) => {
      try {
        return JSON.parse(line)
      } catch {
        throw new CaptureError(`Line ${index + 1} is no JSON`)
      }
    })
  }
}

interface Found {
  events: unknown[]
  proof?: SignedProof
  jwks?: JSONWebKeySet
}

function sort(value: unknown, found: Found): void {
  const jwks = Jwks.safeParse(value)
  if (jwks.success) {
    found.jwks = jwks.data as unknown as JSONWebKeySet
    return
  }
  const proof = Proof.safeParse(value)
  if (proof.success) {
    found.proof = proof.data
    return
  }
  if (Array.isArray(value)) {
    found.events.push(...value)
    return
  }
  if (typeof value !== 'object' || value === null)
    throw new CaptureError('A value is neither an event, nor a proof, nor a JWKS')
  const { events, proof: inner, jwks: keys, data, meta } = value as Record<string, unknown>
  if (events !== undefined || inner !== undefined || keys !== undefined) {
    for (const part of [events, inner, keys]) if (part !== undefined) sort(part, found)
  } else if (meta !== undefined && data !== undefined) sort(data, found)
  else found.events.push(value)
}

function toEvents(value: unknown, object: string): ChainedEvent[] {
  const batch = Batch.safeParse(value)
  if (batch.success) return batch.data.data.events.flatMap((one) => toEvents(one, object))
  const event = Event.safeParse(value)
  if (event.success) {
    const { seq, id = `${object}:${seq}`, type, time, actor, data } = event.data
    return [{ seq, id, type, time, actor, data: data as ChainedEvent['data'] }]
  }
  if (OtherFrame.safeParse(value).success) return []
  throw new CaptureError(`This is no event: ${JSON.stringify(value).slice(0, 120)}`)
}

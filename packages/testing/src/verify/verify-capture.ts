import { type ChainError, verifyChain } from '@menagerie/durable-objects/journal/chain'
import { compactVerify, createLocalJWKSet } from 'jose'
import { z } from 'zod'
import type { Capture } from './read-capture.ts'

const Head = z.object({
  object: z.string(),
  seq: z.number().int(),
  hash: z.string(),
  time: z.string(),
})

/** What a check found: how far the events are proved, or the first thing that is wrong. */
export type Verdict =
  | {
      ok: true
      object: string
      fromSeq: number
      toSeq: number
      /** Numbers of events whose data were erased. */
      erased: number[]
      /** When the head was signed, RFC 3339. */
      signedAt: string
    }
  | { ok: false; detail: string }

/** Checks a captured stream of events against its proof, and the proof against a JWKS. Asks nobody. */
export async function verifyCapture({ events, proof, jwks }: Capture): Promise<Verdict> {
  const head = await readHead(proof.head, jwks)
  if (head === undefined) return wrong('The head of the proof is not signed by a key of the JWKS')
  const { object, toSeq, toHash } = proof
  if (head.object !== object || head.seq !== toSeq || head.hash !== toHash)
    return wrong(`The head is signed for ${head.object} at ${head.seq}, not for this proof`)
  const stranger = events.find(({ seq }) => seq < proof.fromSeq || seq > toSeq)
  if (stranger !== undefined)
    return wrong(
      `Event ${stranger.seq} is outside the proof, which goes from ${proof.fromSeq} to ${toSeq}: ask for another one`,
    )
  const seen = new Set<number>()
  for (const { seq } of events) {
    if (seen.has(seq)) return wrong(`Event ${seq} is there twice`)
    seen.add(seq)
  }
  for (const { seq } of proof.events) if (!seen.has(seq)) return wrong(`Event ${seq} is missing`)
  const checked = verifyChain(proof, events)
  if (!checked.ok) return wrong(told(checked.error))
  const { erased } = checked.value
  return { ok: true, object, fromSeq: proof.fromSeq, toSeq, erased, signedAt: head.time }
}

async function readHead(jws: string, jwks: Capture['jwks']) {
  try {
    const { payload, protectedHeader } = await compactVerify(jws, createLocalJWKSet(jwks), {
      algorithms: ['RS256'],
    })
    if (protectedHeader.typ !== 'journal-head+jws') return undefined
    return Head.parse(JSON.parse(new TextDecoder().decode(payload)))
  } catch {
    return undefined
  }
}

function told(error: ChainError): string {
  switch (error.code) {
    case 'gap':
      return `Event ${error.seq} is not in its place`
    case 'data':
      return `Event ${error.seq} was altered: its data are not those of the journal`
    case 'hash':
      return `Event ${error.seq} was altered: its type, time, actor or place are not those of the journal`
  }
}

const wrong = (detail: string): Verdict => ({ ok: false, detail })

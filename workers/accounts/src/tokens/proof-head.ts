import { AppError } from '@menagerie/core'
import { CompactSign, type CryptoKey } from 'jose'
import { z } from 'zod'

/** What a Worker asks to have signed: the newest number of an object's journal, and the hash there. */
export const ProofHeadRequest = z.strictObject({
  /** `{kind}/{name}`. */
  object: z.string().regex(/^[a-z]+\/[\w:.@+-]{1,254}$/),
  seq: z.number().int().min(0),
  hash: z.string().regex(/^[0-9a-f]{64}$/),
})
export type ProofHeadRequest = z.infer<typeof ProofHeadRequest>

/** Whose journals a Worker may speak for: those of the objects it owns. */
const kinds: Readonly<Record<string, readonly string[]>> = {
  communications: ['calls', 'conversations', 'queues', 'agents'],
  devices: ['devices'],
  notifications: ['mailboxes'],
}

/**
 * A JWS (RFC 7515, compact) over `{object, seq, hash, time}`. Its `typ` and its lack of an issuer keep it from being
 * taken for a token.
 *
 * @param caller the Worker that asks
 * @param time RFC 3339
 * @throws AppError `forbidden` for an object that is not the caller's
 */
export async function signProofHead(
  { object, seq, hash }: ProofHeadRequest,
  caller: string,
  time: string,
  { kid, privateKey }: { kid: string; privateKey: CryptoKey },
): Promise<string> {
  const [kind = ''] = object.split('/')
  if (!kinds[caller]?.includes(kind))
    throw new AppError('forbidden', `${caller} has no objects of the kind ${kind}`)
  const payload = new TextEncoder().encode(JSON.stringify({ object, seq, hash, time }))
  return new CompactSign(payload)
    .setProtectedHeader({ alg: 'RS256', kid, typ: 'journal-head+jws' })
    .sign(privateKey)
}

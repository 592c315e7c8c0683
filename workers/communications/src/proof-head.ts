import { AppError, serviceTokenFor } from '@menagerie/core'
import type { JournalProof } from '@menagerie/durable-objects/journal'
import { z } from 'zod'
import type { Env } from './context.ts'

const LIMIT_MS = 5_000
const Answer = z.object({ data: z.object({ head: z.string() }) })

/**
 * Has accounts sign where a proof ends, by a key of the JWKS.
 *
 * @returns a JWS over `{object, seq, hash, time}`
 * @throws AppError `unavailable` when accounts cannot be asked now
 */
export async function signedHead(
  env: Env,
  { object, toSeq, toHash }: JournalProof,
  traceparent: string,
): Promise<string> {
  try {
    const response = await env.ACCOUNTS.fetch(`${env.PUBLIC_URL}/internal/proof-heads`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${await serviceTokenFor(env, 'accounts')}`,
        'content-type': 'application/json',
        traceparent,
      },
      body: JSON.stringify({ object, seq: toSeq, hash: toHash }),
      signal: AbortSignal.timeout(LIMIT_MS),
    })
    return Answer.parse(await response.json()).data.head
  } catch (error) {
    throw new AppError('unavailable', 'The proof cannot be signed now', {
      cause: error,
      retryAfterSeconds: 1,
    })
  }
}

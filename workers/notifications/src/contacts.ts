import { serviceTokenFor } from '@menagerie/core'
import { z } from 'zod'
import type { Env } from './context.ts'

const LIMIT_MS = 5_000

/** How a user is reached, as accounts tells it. */
const Contact = z.object({
  email: z.string().nullable(),
  emailVerified: z.boolean(),
})
export type Contact = z.infer<typeof Contact>

/**
 * Asks accounts how a user is reached; `undefined` for one who is not there any more, or disabled.
 *
 * @throws Error when accounts cannot be asked now
 */
export async function contactOf(
  env: Env,
  userId: string,
  traceparent: string | undefined,
): Promise<Contact | undefined> {
  const url = `${env.PUBLIC_URL}/internal/contacts/${encodeURIComponent(userId)}`
  const response = await env.ACCOUNTS.fetch(url, {
    headers: {
      authorization: `Bearer ${await serviceTokenFor(env, 'accounts')}`,
      ...(traceparent === undefined ? {} : { traceparent }),
    },
    signal: AbortSignal.timeout(LIMIT_MS),
  })
  if (response.status === 404) {
    await response.body?.cancel()
    return undefined
  }
  if (!response.ok) {
    await response.body?.cancel()
    throw new Error(`accounts answered ${response.status}`)
  }
  return z.object({ data: Contact }).parse(await response.json()).data
}

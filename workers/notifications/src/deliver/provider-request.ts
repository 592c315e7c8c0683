import type { ProviderAnswer } from './provider-answer.ts'
import { readLimited } from './read-limited.ts'
import { readRetryAfter } from './retry.ts'

const LIMIT_MS = 10_000
const MAX_ANSWER_BYTES = 64 * 1024

export interface ProviderRequest {
  url: string
  headers: Record<string, string>
  body: BodyInit
}

/** What differs between providers. */
export interface ProviderWords {
  /** The id of what was taken, out of the answer's JSON. */
  idOf: (body: unknown) => string | null
  /** A refusal that may pass, beyond what its status says. */
  isBusy?: (status: number, body: unknown) => boolean
}

/**
 * Asks a provider once and reads its answer by RFC 9110's classes. Redirects are not followed: the key is for this host
 * alone.
 */
export async function askProvider(
  { url, headers, body }: ProviderRequest,
  { idOf, isBusy = () => false }: ProviderWords,
  now: () => number,
): Promise<ProviderAnswer> {
  let response: Response
  let text: string
  try {
    response = await fetch(url, {
      method: 'POST',
      redirect: 'manual',
      signal: AbortSignal.timeout(LIMIT_MS),
      headers,
      body,
    })
    text = await readLimited(response, MAX_ANSWER_BYTES)
  } catch {
    return { outcome: 'retrying', reason: 'provider_unreachable', status: null }
  }
  const { status } = response
  const said = parse(text)
  if (status >= 200 && status < 300) return { outcome: 'sent', providerId: idOf(said), status }
  const reason = `provider_answered_${status}`
  if (!isBusy(status, said) && !retried.has(status) && status < 500)
    return { outcome: 'failed', reason, status }
  const retryAfterSeconds = readRetryAfter(response.headers.get('retry-after'), now())
  return {
    outcome: 'retrying',
    reason,
    status,
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  }
}

/** Request Timeout, Too Early and Too Many Requests: the same request may succeed later. */
const retried: ReadonlySet<number> = new Set([408, 425, 429])

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

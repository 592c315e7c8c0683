import type { NotificationContent } from '@menagerie/contracts'
import { z } from 'zod'
import type { ProviderAnswer } from './provider-answer.ts'
import { readLimited } from './read-limited.ts'
import { readRetryAfter } from './retry.ts'

export interface EmailApi {
  url: string
  key: string
  from: string
}

const LIMIT_MS = 10_000
const MAX_ANSWER_BYTES = 64 * 1024

const Sent = z.object({ id: z.string().min(1).max(255) })
const Refused = z.object({ name: z.string() })

/**
 * Sends an e-mail by Resend's API (`POST /emails`). The delivery's id is the `Idempotency-Key`, so asking again after an
 * unknown outcome sends nothing twice. Redirects are not followed: the key is for this host alone.
 */
export async function sendEmail(
  api: EmailApi,
  deliveryId: string,
  to: string,
  content: NotificationContent,
  now: () => number,
): Promise<ProviderAnswer> {
  let response: Response
  let text: string
  try {
    response = await fetch(`${api.url.replace(/\/$/, '')}/emails`, {
      method: 'POST',
      redirect: 'manual',
      signal: AbortSignal.timeout(LIMIT_MS),
      headers: {
        authorization: `Bearer ${api.key}`,
        'content-type': 'application/json',
        'idempotency-key': deliveryId,
      },
      body: JSON.stringify({
        from: api.from,
        to: [to],
        subject: oneLine(content.title),
        text: content.body,
      }),
    })
    text = await readLimited(response, MAX_ANSWER_BYTES)
  } catch {
    return { outcome: 'retrying', reason: 'provider_unreachable', status: null }
  }
  return answerOf(response, text, now())
}

/** What an answer means: RFC 9110's classes, and the words of Resend's errors where one status means two things. */
function answerOf({ status, headers }: Response, text: string, now: number): ProviderAnswer {
  const body = parse(text)
  if (status >= 200 && status < 300)
    return { outcome: 'sent', providerId: Sent.safeParse(body).data?.id ?? null, status }
  const isBusy = status === 409 && Refused.safeParse(body).data?.name === busyName
  if (!isBusy && !retried.has(status) && status < 500)
    return { outcome: 'failed', reason: `provider_answered_${status}`, status }
  const retryAfterSeconds = readRetryAfter(headers.get('retry-after'), now)
  return {
    outcome: 'retrying',
    reason: `provider_answered_${status}`,
    status,
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  }
}

/** Another request with the same key is still running. */
const busyName = 'concurrent_idempotent_requests'

/** Request Timeout, Too Early and Too Many Requests: the same request may succeed later. */
const retried: ReadonlySet<number> = new Set([408, 425, 429])

/** A subject is a header: line breaks and other control characters become spaces. */
const oneLine = (title: string): string => title.replace(/\p{Cc}+/gu, ' ').trim() || '-'

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

import type { NotificationContent } from '@menagerie/contracts'
import { z } from 'zod'
import type { ProviderAnswer } from './provider-answer.ts'
import { askProvider } from './provider-request.ts'

export interface EmailApi {
  url: string
  key: string
  from: string
}

const Sent = z.object({ id: z.string().min(1).max(255) })
const Refused = z.object({ name: z.string() })

/**
 * Sends an e-mail by Resend's API (`POST /emails`). The delivery's id is the `Idempotency-Key`, so asking again after an
 * unknown outcome sends nothing twice.
 */
export const sendEmail = (
  api: EmailApi,
  deliveryId: string,
  to: string,
  content: NotificationContent,
  now: () => number,
): Promise<ProviderAnswer> =>
  askProvider(
    {
      url: `${api.url.replace(/\/$/, '')}/emails`,
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
    },
    {
      idOf: (body) => Sent.safeParse(body).data?.id ?? null,
      // Another request with the same key is still running.
      isBusy: (status, body) =>
        status === 409 && Refused.safeParse(body).data?.name === 'concurrent_idempotent_requests',
    },
    now,
  )

/** A subject is a header: line breaks and other control characters become spaces. */
const oneLine = (title: string): string => title.replace(/\p{Cc}+/gu, ' ').trim() || '-'

import type { NotificationContent } from '@menagerie/contracts'
import { z } from 'zod'
import type { ProviderAnswer } from './provider-answer.ts'
import { askProvider } from './provider-request.ts'

export interface SmsApi {
  url: string
  accountSid: string
  authToken: string
  /** E.164. */
  from: string
}

/** The longest body Twilio takes, in characters. */
const MAX_BODY = 1_600

const Sent = z.object({ sid: z.string().min(1).max(64) })

/**
 * Sends an SMS by Twilio's API (2010-04-01, `Messages` resource): the body alone, since an SMS has no subject. Twilio
 * keeps no key of ours, so that an attempt whose outcome is not known may reach the phone twice.
 */
export const sendSms = (
  api: SmsApi,
  deliveryId: string,
  to: string,
  content: NotificationContent,
  now: () => number,
): Promise<ProviderAnswer> =>
  askProvider(
    {
      url: `${api.url.replace(/\/$/, '')}/2010-04-01/Accounts/${api.accountSid}/Messages.json`,
      headers: {
        authorization: `Basic ${btoa(`${api.accountSid}:${api.authToken}`)}`,
        accept: 'application/json',
        // Honoured by carriers that keep one.
        'idempotency-key': deliveryId,
      },
      body: new URLSearchParams({
        To: to,
        From: api.from,
        Body: [...content.body].slice(0, MAX_BODY).join(''),
      }),
    },
    { idOf: (body) => Sent.safeParse(body).data?.sid ?? null },
    now,
  )

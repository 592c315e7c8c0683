import { z } from 'zod'
import { retryAfterSeconds } from '../../shared/retry-after.ts'
import {
  bodyOf,
  createdAt,
  isSince,
  isUnsure,
  refusalOf,
  type TwilioAccount,
  twilioRequest,
} from '../../shared/twilio-request.ts'
import type { MessageReport } from '../conversation-types.ts'
import {
  type MessageCarrier,
  MessageCarrierAway,
  type MessageOrder,
  type Taken,
} from '../message-carrier.ts'
import { TwilioMessageStatus, toMessageReport } from './twilio-report.ts'

export interface TwilioMessageSettings extends TwilioAccount {
  /** Where the carrier reaches us; callback addresses are made from it. */
  publicUrl: string
  now: () => number
}

/** Path of the callback; the signature covers it as it is handed out here. */
export const messageStatusPath = '/webhooks/twilio/message-status'

const PAGE_SIZE = '50'

const MessageResource = z.looseObject({
  sid: z.string().min(1),
  status: TwilioMessageStatus,
  body: z.string().nullish(),
  error_code: z.union([z.number(), z.string()]).nullish(),
  date_created: z.string().nullish(),
  /** Not Twilio's: a carrier that keeps our token tells it here. */
  idempotency_token: z.string().nullish(),
})
type MessageResource = z.infer<typeof MessageResource>
const MessageList = z.looseObject({ messages: z.array(MessageResource) })

/** A carrier with Twilio's Messaging API (2010-04-01, `Messages` resource). */
export function twilioMessages(settings: TwilioMessageSettings): MessageCarrier {
  const ask = twilioRequest(settings, MessageCarrierAway)

  async function send(order: MessageOrder): Promise<Taken> {
    let response: Response
    try {
      response = await ask('/Messages.json', formOf(order, settings.publicUrl), order.messageId)
    } catch (error) {
      return { outcome: 'unsure', detail: String(error) }
    }
    if (response.status === 429) {
      await response.body?.cancel()
      return {
        outcome: 'busy',
        retryAfterSeconds: retryAfterSeconds(response.headers, settings.now()),
      }
    }
    if (response.ok) {
      const made = MessageResource.safeParse(await bodyOf(response))
      return made.success
        ? { outcome: 'accepted', report: reportOf(made.data) }
        : { outcome: 'unsure', detail: 'The carrier told of no message' }
    }
    const code = await refusalOf(response)
    if (isUnsure(response))
      return { outcome: 'unsure', detail: `The carrier answered ${response.status}` }
    return {
      outcome: 'refused',
      reason: code === undefined ? 'carrier_refused' : `carrier_${code}`,
    }
  }

  return {
    send,
    async find(order, since) {
      // Not by `DateSent`, which a message that waits at the carrier does not have yet.
      const query = new URLSearchParams({ ...addressesOf(order), PageSize: PAGE_SIZE })
      const response = await sensible(await ask(`/Messages.json?${query}`))
      const { messages } = MessageList.parse(await bodyOf(response))
      const exact = messages.filter(
        ({ idempotency_token }) => idempotency_token === order.messageId,
      )
      if (exact.length > 0) return exact.map(reportOf)
      // An account on trial gets words of the carrier's own before the text.
      return messages
        .filter(
          (one) =>
            one.idempotency_token == null &&
            (one.body ?? '').endsWith(order.body) &&
            isSince(one, since),
        )
        .toSorted((a, b) => createdAt(a) - createdAt(b))
        .map(reportOf)
    },
    async fetch(sid) {
      const response = await ask(`/Messages/${sid}.json`)
      if (response.status === 404) {
        await response.body?.cancel()
        return undefined
      }
      return reportOf(MessageResource.parse(await bodyOf(await sensible(response))))
    },
  }
}

function formOf(order: MessageOrder, publicUrl: string): URLSearchParams {
  const query = new URLSearchParams({
    conversationId: order.conversationId,
    messageId: order.messageId,
  })
  const form = new URLSearchParams({
    ...addressesOf(order),
    Body: order.body,
    StatusCallback: `${publicUrl.replace(/\/$/, '')}${messageStatusPath}?${query}`,
  })
  for (const url of order.mediaUrls) form.append('MediaUrl', url)
  return form
}

const addressesOf = ({ channel, to, from }: MessageOrder): { To: string; From: string } =>
  channel === 'whatsapp'
    ? { To: `whatsapp:${to}`, From: `whatsapp:${from}` }
    : { To: to, From: from }

const reportOf = ({ sid, status, error_code }: MessageResource): MessageReport =>
  toMessageReport(sid, status, error_code)

async function sensible(response: Response): Promise<Response> {
  if (response.ok) return response
  await response.body?.cancel()
  throw new MessageCarrierAway(`The carrier answered ${response.status}`)
}

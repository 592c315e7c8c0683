import {
  type MessageReport,
  normalisedCustomer,
  TwilioMessageStatus,
  toMessageReport,
} from '@menagerie/durable-objects/conversation'
import { z } from 'zod'

const sid = z.string().regex(/^[A-Za-z0-9]{1,64}$/)
/** A number, a short code or a sender's name, with the channel before it. */
const address = z.string().regex(/^(whatsapp:)?[+A-Za-z0-9 ._-]{1,64}$/)
const MAX_MEDIA = 10

/** The fields we read of a message that came in; others are the carrier's own. */
const InboundForm = z.object({
  MessageSid: sid,
  From: address,
  To: address,
  Body: z.string().max(10_000).default(''),
  NumMedia: z.coerce.number().int().min(0).max(100).catch(0),
})

/** The fields we read of a status callback. */
const StatusForm = z.object({
  MessageSid: sid,
  MessageStatus: TwilioMessageStatus,
  ErrorCode: z
    .string()
    .regex(/^\d{0,10}$/)
    .optional(),
})

export interface InboundText {
  sid: string
  channel: 'sms' | 'whatsapp'
  /** Without the channel. */
  from: string
  to: string
  body: string
  mediaUrls: string[]
}

type Read<T> = { ok: true; value: T } | { ok: false; issues: z.core.$ZodIssue[] }

/** A message out of the carrier's webhook (twilio.com/docs/messaging/guides/webhook-request). */
export function readInboundForm(form: URLSearchParams): Read<InboundText> {
  const parsed = InboundForm.safeParse(withSid(form))
  if (!parsed.success) return { ok: false, issues: parsed.error.issues }
  const { MessageSid, From, To, Body, NumMedia } = parsed.data
  const mediaUrls = Array.from({ length: Math.min(MAX_MEDIA, NumMedia) }, (_, i) =>
    form.get(`MediaUrl${i}`),
  ).filter((url) => url !== null && url.length <= 2048 && URL.canParse(url))
  return {
    ok: true,
    value: {
      sid: MessageSid,
      channel: From.startsWith('whatsapp:') ? 'whatsapp' : 'sms',
      from: normalisedCustomer(From),
      to: normalisedCustomer(To),
      // Half a pair of UTF-16 units cannot be stored.
      body: Body.toWellFormed(),
      mediaUrls: mediaUrls as string[],
    },
  }
}

/** What a status callback tells; the issues of its fields when it is none. */
export function readMessageStatusForm(form: URLSearchParams): Read<MessageReport> {
  const fields = withSid(form)
  const parsed = StatusForm.safeParse({
    ...fields,
    MessageStatus: fields.MessageStatus ?? fields.SmsStatus,
  })
  if (!parsed.success) return { ok: false, issues: parsed.error.issues }
  const { MessageSid, MessageStatus, ErrorCode } = parsed.data
  return { ok: true, value: toMessageReport(MessageSid, MessageStatus, ErrorCode) }
}

/** Older webhooks name the message `SmsSid`. */
function withSid(form: URLSearchParams): Record<string, string | undefined> {
  const fields: Record<string, string | undefined> = Object.fromEntries(form)
  return { ...fields, MessageSid: fields.MessageSid ?? fields.SmsMessageSid ?? fields.SmsSid }
}

import { z } from 'zod'
import type { MessageReport } from '../conversation-types.ts'

/** Twilio's words for how a message stands (twilio.com/docs/messaging/api/message-resource#message-status-values). */
export const TwilioMessageStatus = z.enum([
  'accepted',
  'scheduled',
  'queued',
  'sending',
  'sent',
  'delivered',
  'partially_delivered',
  'read',
  'undelivered',
  'failed',
  'canceled',
  'receiving',
  'received',
])
export type TwilioMessageStatus = z.infer<typeof TwilioMessageStatus>

const statuses: Readonly<Record<TwilioMessageStatus, MessageReport['status']>> = {
  accepted: 'queued',
  scheduled: 'queued',
  queued: 'queued',
  sending: 'queued',
  sent: 'sent',
  delivered: 'delivered',
  partially_delivered: 'sent',
  read: 'read',
  undelivered: 'failed',
  failed: 'failed',
  canceled: 'failed',
  receiving: 'queued',
  received: 'delivered',
}

/** A report in our words. @param errorCode Twilio's, where it failed */
export const toMessageReport = (
  sid: string,
  status: TwilioMessageStatus,
  errorCode: string | number | null | undefined,
): MessageReport => ({
  sid,
  status: statuses[status],
  reason:
    statuses[status] !== 'failed'
      ? null
      : errorCode === null || errorCode === undefined || errorCode === ''
        ? `carrier_${status}`
        : `carrier_${errorCode}`,
})

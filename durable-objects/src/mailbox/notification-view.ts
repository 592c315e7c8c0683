import type { Delivery, InboxItem, Notification, PendingNotification } from '@menagerie/contracts'
import { toTimestamp } from '@menagerie/core'
import type { DeliveryState, NotificationState } from './notification-types.ts'

const timeOrNull = (at: number | null): string | null => (at === null ? null : toTimestamp(at))

/** A delivery's id, and the key under which its provider is asked. */
export const deliveryIdOf = (notificationId: string, channel: string): string =>
  `${notificationId}:${channel}`

/** One channel as the contract shows it. */
export const toDelivery = (notificationId: string, delivery: DeliveryState): Delivery => ({
  id: deliveryIdOf(notificationId, delivery.channel),
  channel: delivery.channel,
  status: delivery.status,
  attempts: delivery.attempts,
  nextAttemptAt: delivery.status === 'queued' ? timeOrNull(delivery.nextAttemptAt) : null,
  providerId: delivery.status === 'sent' ? delivery.providerId : null,
  reason: 'reason' in delivery ? delivery.reason : null,
  sentAt: delivery.status === 'sent' ? toTimestamp(delivery.sentAt) : null,
})

/** A notification as `GET /notifications/{id}` shows it. */
export function toNotification({ details, phase, deliveries }: NotificationState): Notification {
  const { id, recipient, category, content, critical, sendAt, createdAt, decisions } = details
  return {
    id,
    recipient,
    category,
    content,
    critical,
    status: phase.status,
    sendAt: toTimestamp(sendAt),
    createdAt: toTimestamp(createdAt),
    decisions,
    deliveries: deliveries.map((delivery) => toDelivery(id, delivery)),
  }
}

/** The status of an answer to `create`: what has ended was handed over, too. */
export const acceptedStatus = ({ phase }: NotificationState): PendingNotification['status'] =>
  phase.status === 'scheduled' ? 'scheduled' : 'queued'

/** When something happens to it next, milliseconds since the epoch; `null` when it is being delivered now. */
export function nextAttemptOf({ details, phase, deliveries }: NotificationState): number | null {
  if (phase.status === 'scheduled') return details.sendAt
  const open = deliveries.flatMap((one) =>
    one.status === 'queued' && one.nextAttemptAt !== null ? [one.nextAttemptAt] : [],
  )
  return open.length === 0 ? null : Math.min(...open)
}

/** An entry of the in-app feed; `seq` is the number of its event. */
export const toInboxItem = (
  { details }: NotificationState,
  seq: number,
  at: number,
): InboxItem => ({
  id: details.id,
  seq,
  category: details.category,
  title: details.content.title,
  body: details.content.body,
  createdAt: toTimestamp(at),
})

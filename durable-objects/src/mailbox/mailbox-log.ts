import { ObjectLog } from '../shared/object-log.ts'
import type { DeliveryState, NotificationState } from './notification-types.ts'

/** The mailbox's log. Its name is not in it: it may be somebody's address. */
export class MailboxLog extends ObjectLog {
  constructor(now: () => number) {
    const service = 'notifications'
    super({ service, object: 'Mailbox', sockets: service, ownDestinations: ['projection'] }, now)
  }

  /** A step moved a notification on; counts the channels that took it or gave it up. */
  moved(before: NotificationState | undefined, after: NotificationState): void {
    const { details, deliveries, phase } = after
    this.line.add({ notificationId: details.id, notificationStatus: phase.status })
    for (const delivery of deliveries) {
      const { channel, status } = delivery
      const was = before?.deliveries.find((one) => one.channel === channel)?.status ?? 'queued'
      if (status === 'queued' || was === status) continue
      this.line.count('notifications_total', { channel, status })
      if (status === 'sent') this.#took(after, delivery)
    }
  }

  #took(
    { details }: NotificationState,
    delivery: Extract<DeliveryState, { status: 'sent' }>,
  ): void {
    const seconds = Math.max(0, delivery.sentAt - details.sendAt) / 1000
    this.line.count('notification_delivery_seconds', { channel: delivery.channel }, seconds)
  }
}

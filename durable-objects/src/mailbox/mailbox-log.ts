import { Line, Logger } from '@menagerie/core'
import type { JournalObservation } from '../journal/types.ts'
import type { MailboxContext } from './mailbox-types.ts'
import type { DeliveryState, NotificationState } from './notification-types.ts'

/**
 * The mailbox's log: one line for each RPC or alarm that changed something, and the counters of contract §8 in it. The
 * mailbox's name is not in it: it may be somebody's address.
 */
export class MailboxLog {
  readonly #logger: Logger
  #line: Line

  constructor(now: () => number) {
    this.#logger = new Logger({ service: 'notifications', now })
    this.#line = new Line(this.#logger)
  }

  /** A step moved a notification on; counts the channels that took it or gave it up. */
  moved(before: NotificationState | undefined, after: NotificationState): void {
    const { details, deliveries, phase } = after
    this.#line.add({ notificationId: details.id, notificationStatus: phase.status })
    for (const delivery of deliveries) {
      const { channel, status } = delivery
      const was = before?.deliveries.find((one) => one.channel === channel)?.status ?? 'queued'
      if (status === 'queued' || was === status) continue
      this.#line.count('notifications_total', { channel, status })
      if (status === 'sent') this.#took(after, delivery)
    }
  }

  observe(what: JournalObservation): void {
    switch (what.type) {
      case 'outbox':
        // The projection is no queue.
        if (what.destination === 'projection') return
        this.#line.count(
          'queue_messages_total',
          { queue: what.destination, outcome: what.outcome },
          what.count,
        )
        return
      case 'socket':
        this.sockets(what.change)
        return
      case 'fault':
        this.#logger.warn('fault', { object: 'Mailbox', where: what.where, error: what.error })
        return
    }
  }

  /** Sockets came, or went. */
  sockets(change: number): void {
    this.#line.count('websocket_connections', { service: 'notifications' }, change)
  }

  /** Writes the line, when there is something to tell. */
  end(
    message: string,
    changed: boolean,
    { traceparent, ...fields }: Record<string, unknown> & MailboxContext = {},
  ): void {
    if (!changed && !this.#line.hasMetrics) return
    const line = this.#line
    this.#line = new Line(this.#logger)
    // The Worker's own line has the same `traceId`.
    const traceId = traceparent?.split('-')[1]
    line.end(message, {
      object: 'Mailbox',
      ...(traceId === undefined ? {} : { traceId }),
      ...fields,
    })
  }

  #took(
    { details }: NotificationState,
    delivery: Extract<DeliveryState, { status: 'sent' }>,
  ): void {
    const seconds = Math.max(0, delivery.sentAt - details.sendAt) / 1000
    this.#line.count('notification_delivery_seconds', { channel: delivery.channel }, seconds)
  }
}

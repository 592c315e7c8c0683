import { eventRows, type JsonObject, makeEvent, toTimestamp } from '@menagerie/core'
import type { JournalEvent, OutboxEntry } from '../journal/types.ts'
import type {
  NotificationEffect,
  NotificationState,
  NotificationStep,
  StatusData,
} from './notification-types.ts'
import { deliveryIdOf } from './notification-view.ts'
import { toProjected } from './projection.ts'

/** What leaves the mailbox because of one step: CloudEvents to the queues, and the row of the list. */
export function messagesOf(
  mailbox: string,
  { state, effects }: NotificationStep,
  events: readonly JournalEvent[],
  now: number,
): OutboxEntry[] {
  return [
    ...events.flatMap((event) => statusMessage(state, event)),
    ...effects.flatMap((effect) => request(mailbox, state, effect, now)),
    ...projection(mailbox, state, events),
  ]
}

/**
 * Ids and sources of what is published name the notification and not its mailbox: a mailbox's name may be somebody's
 * address.
 */
const sourceOf = (id: string): string => `/notifications/${id}`

function statusMessage(state: NotificationState, event: JournalEvent): OutboxEntry[] {
  if (event.type !== 'notification.status') return []
  const { details, deliveries } = state
  const { status, previousStatus, reason } = event.data as unknown as StatusData
  return rowsOf(
    makeEvent({
      type: 'notification.status.changed.v1',
      id: `notifications/${details.id}:${event.seq}`,
      source: sourceOf(details.id),
      subject: details.id,
      at: Date.parse(event.time),
      traceparent: details.traceparent ?? undefined,
      data: {
        notificationId: details.id,
        category: details.category,
        status,
        previousStatus,
        channels: deliveries.map(({ channel }) => channel),
        reason: reason ?? null,
        changedAt: event.time,
      },
    }),
  )
}

function request(
  mailbox: string,
  { details }: NotificationState,
  effect: NotificationEffect,
  now: number,
): OutboxEntry[] {
  if (effect.type !== 'request') return []
  const { id, recipient, category, content, expiresAt } = details
  const deliveryId = deliveryIdOf(id, effect.channel)
  return rowsOf(
    makeEvent({
      type: 'notification.requested.v1',
      // Made from what is asked, so that the same request is the same event.
      id: `notifications/${deliveryId}${effect.round === 1 ? '' : `.${effect.round}`}`,
      source: sourceOf(id),
      subject: id,
      at: now,
      traceparent: details.traceparent ?? undefined,
      data: {
        notificationId: id,
        mailbox,
        deliveryId,
        channel: effect.channel,
        recipient,
        category,
        content,
        expiresAt: expiresAt === null ? null : toTimestamp(expiresAt),
      },
    }),
  )
}

const rowsOf = (event: Parameters<typeof eventRows>[0]): OutboxEntry[] =>
  eventRows(event).map(({ id, destination, body }) => ({
    id,
    destination,
    body: body as unknown as JsonObject,
  }))

function projection(
  mailbox: string,
  state: NotificationState,
  events: readonly JournalEvent[],
): OutboxEntry[] {
  const last = events.at(-1)
  if (last === undefined) return []
  const body = toProjected(mailbox, last.seq, state) as unknown as JsonObject
  return [{ id: `${last.id}@projection`, destination: 'projection', body }]
}

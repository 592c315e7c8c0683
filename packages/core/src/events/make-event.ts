import {
  type CloudEvent,
  type EventData,
  eventData,
  eventQueues,
  type PublishedEventType,
  type QueueName,
} from '@menagerie/contracts'
import { toTimestamp } from '../clock.ts'

export interface EventInput<T extends PublishedEventType> {
  type: T
  /** Unique within `source`: `{object}:{seq}` in an object, the outbox row's id in D1. */
  id: string
  /** Who tells: `/calls/{id}`, `/users/{id}`. */
  source: string
  /** What it is about. */
  subject: string
  /** Milliseconds since the epoch. */
  at: number
  data: EventData<T>
  traceparent?: string | undefined
}

/**
 * A CloudEvents 1.0 envelope (JSON format), its data checked against the contract.
 *
 * @throws ZodError for data that is not what the type says: a bug of the publisher
 */
export function makeEvent<T extends PublishedEventType>(input: EventInput<T>): CloudEvent<T> {
  return {
    specversion: '1.0',
    id: input.id,
    source: input.source,
    type: input.type,
    subject: input.subject,
    time: toTimestamp(input.at),
    datacontenttype: 'application/json',
    ...(input.traceparent ? { traceparent: input.traceparent } : {}),
    data: eventData[input.type].parse(input.data) as EventData<T>,
  }
}

/** One outbox row: the event for one of its queues. The row's id is the event's and the queue's, the body is the event. */
export interface EventRow {
  id: string
  destination: QueueName
  body: CloudEvent
}

/** The rows of an event: one for each queue its type goes to. */
export function eventRows<T extends PublishedEventType>(event: CloudEvent<T>): EventRow[] {
  return eventQueues[event.type].map((destination) => ({
    id: `${event.id}@${destination}`,
    destination,
    body: { ...(event as CloudEvent), queue: destination },
  }))
}

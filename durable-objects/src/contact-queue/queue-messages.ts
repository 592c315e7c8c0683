import { eventRows, type JsonObject, makeEvent } from '@menagerie/core'
import type { ReserveCommand } from '../agent-desk/desk-types.ts'
import type { JournalEvent, OutboxEntry } from '../journal/types.ts'
import type { CancelOrder } from './desk-destination.ts'
import type { QueueEffect, QueueState } from './queue-model.ts'
import { toProjected } from './queue-projection.ts'
import { toContact } from './queue-view.ts'

/** What a step's messages depend on beside the step. */
export interface Sending {
  traceparent: string | undefined
  /** When CloudEvents leave, milliseconds since the epoch: many at once, and after the desks have been asked. */
  laterAt: number
}

/** What leaves the queue because of one step: CloudEvents, what desks are told, and the row of the list. */
export function messagesOf(
  state: QueueState,
  events: readonly JournalEvent[],
  effects: readonly QueueEffect[],
  { traceparent, laterAt }: Sending,
): OutboxEntry[] {
  return [
    ...events
      .flatMap((event) => cloudEvents(state.settings.id, event, traceparent))
      .map((row) => ({ ...row, dueAt: laterAt })),
    ...effects.flatMap((effect) => messages(state, effect)),
  ]
}

interface ContactData {
  callId: string
  offer: number
  offeredAt: string
  waitSeconds: number
  agentId: string
  answeredAt: string
  abandonedAt: string
}

function cloudEvents(
  queueId: string,
  event: JournalEvent,
  traceparent: string | undefined,
): OutboxEntry[] {
  const { callId, offer, offeredAt, waitSeconds, agentId, answeredAt, abandonedAt } =
    event.data as unknown as ContactData
  const contact = { callId, queueId, offer, offeredAt }
  const envelope = {
    id: event.id,
    source: `/queues/${queueId}`,
    subject: callId,
    at: Date.parse(event.time),
    traceparent,
  }
  switch (event.type) {
    case 'contact.offered':
      return rowsOf(makeEvent({ ...envelope, type: 'contact.offered.v1', data: contact }))
    case 'contact.answered': {
      const data = { ...contact, agentId, answeredAt, waitSeconds }
      return rowsOf(makeEvent({ ...envelope, type: 'contact.answered.v1', data }))
    }
    case 'contact.abandoned': {
      const data = { ...contact, abandonedAt, waitSeconds }
      return rowsOf(makeEvent({ ...envelope, type: 'contact.abandoned.v1', data }))
    }
  }
  return []
}

const rowsOf = (event: Parameters<typeof eventRows>[0]): OutboxEntry[] =>
  eventRows(event).map(({ id, destination, body }) => ({
    id,
    destination,
    body: body as unknown as JsonObject,
  }))

function messages(state: QueueState, effect: QueueEffect): OutboxEntry[] {
  const { settings } = state
  switch (effect.type) {
    case 'reserve': {
      const { contact, reservation } = effect
      const command: ReserveCommand = {
        reservationId: reservation.id,
        agentId: reservation.agentId,
        contact: toContact(settings.id, contact),
        offer: contact.offer,
        queueName: settings.name,
        expiresAt: reservation.expiresAt,
      }
      const body = command as unknown as JsonObject
      return [{ id: `reserve:${reservation.id}@desk`, destination: 'desk', body }]
    }
    case 'cancel': {
      const { reservationId, agentId, reason } = effect
      const body = { reservationId, agentId, reason } satisfies CancelOrder
      return [{ id: `cancel:${reservationId}@cancel`, destination: 'cancel', body }]
    }
    case 'list': {
      const body = toProjected(state) as unknown as JsonObject
      const id = `queues/${settings.id}:version:${settings.version}`
      return [
        { id: `${id}@projection`, destination: 'projection', body },
        { id: `${id}@agents`, destination: 'agents', body },
      ]
    }
  }
}

import { type CallStatus, isTerminal } from '@menagerie/contracts'
import { eventRows, type JsonObject, makeEvent } from '@menagerie/core'
import type { CallPresence } from '../agent-desk/index.ts'
import type { JournalEvent, OutboxEntry } from '../journal/index.ts'
import type { CallEffect, ParticipantData, StatusData } from './call-outputs.ts'
import type { CallState } from './call-types.ts'
import { membersOf, queueOf, toRecord } from './call-view.ts'

/**
 * What leaves the room because of one step: CloudEvents to the queues, the row of the history, orders to the carrier,
 * and what desks and queues of contacts must know.
 */
export function messagesOf(
  state: CallState,
  events: readonly JournalEvent[],
  effects: readonly CallEffect[],
  traceparent: string | undefined,
): OutboxEntry[] {
  return [
    ...events.flatMap((event) => cloudEvents(state, event, traceparent)),
    ...projection(state, events),
    ...carrierOrders(state, effects),
    ...presences(state, events),
    ...tasks(state, effects),
  ]
}

function cloudEvents(
  state: CallState,
  event: JournalEvent,
  traceparent: string | undefined,
): OutboxEntry[] {
  const { id, direction, from, to } = state.details
  const { agentId } = state
  const call = { callId: id, direction, from, to, agentId, queueId: queueOf(state) }
  const envelope = {
    source: `/calls/${id}`,
    subject: id,
    at: Date.parse(event.time),
    traceparent,
  }
  if (event.type === 'call.created') {
    const data = { ...call, createdAt: event.time }
    return rowsOf(makeEvent({ ...envelope, type: 'call.created.v1', id: event.id, data }))
  }
  if (event.type !== 'call.status') return []
  const { status, previousStatus, reason } = event.data as StatusData & {
    status: CallStatus
    previousStatus: CallStatus
  }
  const changed = makeEvent({
    ...envelope,
    type: 'call.status.changed.v1',
    id: event.id,
    data: { ...call, status, previousStatus, reason: reason ?? null, changedAt: event.time },
  })
  if (!isTerminal(status)) return rowsOf(changed)
  const { answeredAt, talkSeconds, holdSeconds, durationSeconds } = toRecord(state)
  const ended = makeEvent({
    ...envelope,
    type: 'call.ended.v1',
    // The second CloudEvent of one journal event.
    id: `${event.id}.1`,
    data: {
      ...call,
      status,
      reason: reason ?? null,
      createdAt: new Date(state.details.createdAt).toISOString(),
      answeredAt,
      endedAt: event.time,
      talkSeconds,
      holdSeconds,
      durationSeconds,
    },
  })
  return [...rowsOf(changed), ...rowsOf(ended)]
}

const rowsOf = (event: Parameters<typeof eventRows>[0]): OutboxEntry[] =>
  eventRows(event).map(({ id, destination, body }) => ({
    id,
    destination,
    body: body as unknown as JsonObject,
  }))

function projection(state: CallState, events: readonly JournalEvent[]): OutboxEntry[] {
  // What is said in the call does not show in its row.
  const last = events.findLast(({ type }) => !type.startsWith('message.'))
  if (last === undefined) return []
  const body = {
    seq: last.seq,
    createdAt: state.details.createdAt,
    record: toRecord(state),
    members: membersOf(state),
  }
  return [{ id: `${last.id}@projection`, destination: 'projection', body }]
}

function carrierOrders(state: CallState, effects: readonly CallEffect[]): OutboxEntry[] {
  const orders = effects.filter((effect) => effect.type.startsWith('carrier.'))
  return orders.map((order, index) => ({
    // The state counts them; the newest has the count as its number.
    id: `calls/${state.details.id}:order:${state.leg.orders - (orders.length - 1 - index)}`,
    destination: 'carrier',
    body: { ...order } as unknown as JsonObject,
  }))
}

function tasks(state: CallState, effects: readonly CallEffect[]): OutboxEntry[] {
  const told = effects.filter(({ type }) => type.startsWith('desk.') || type.startsWith('queue.'))
  return told.map((task, index) => ({
    id: `calls/${state.details.id}:task:${state.tasks - (told.length - 1 - index)}`,
    destination: task.type.startsWith('desk.') ? 'desk' : 'contacts',
    body: { ...task } as unknown as JsonObject,
  }))
}

/** Desks count the calls that their accounts take part in. */
function presences(state: CallState, events: readonly JournalEvent[]): OutboxEntry[] {
  return events
    .filter(({ type }) => type === 'participant.joined' || type === 'participant.left')
    .flatMap(({ type, id, seq, time, data }): OutboxEntry[] => {
      const { kind, address, id: participantId } = data as unknown as ParticipantData
      if (kind !== 'user') return []
      const presence: CallPresence = {
        callId: state.details.id,
        userId: address,
        seq,
        state: type === 'participant.joined' ? 'joined' : 'left',
        queueId: state.participants.find((one) => one.id === participantId)?.queueId ?? null,
        at: Date.parse(time),
      }
      const body = { type: 'desk.presence', presence } as unknown as JsonObject
      return [{ id: `${id}@desk`, destination: 'desk', body }]
    })
}

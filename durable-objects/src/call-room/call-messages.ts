import { type CallStatus, isTerminal } from '@menagerie/contracts'
import { eventRows, type JsonObject, makeEvent } from '@menagerie/core'
import type { JournalEvent, OutboxEntry } from '../journal/index.ts'
import type { CallEffect, CallState, StatusData } from './call-types.ts'
import { membersOf, toRecord } from './call-view.ts'

/** What leaves the room because of one step: CloudEvents to the queues, the row of the history, orders to the carrier. */
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
  ]
}

function cloudEvents(
  state: CallState,
  event: JournalEvent,
  traceparent: string | undefined,
): OutboxEntry[] {
  const { id, direction, from, to, agentId, queueId } = state.details
  const call = { callId: id, direction, from, to, agentId, queueId }
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
  const last = events.at(-1)
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
  return effects
    .filter((effect) => effect.type.startsWith('carrier.'))
    .map((effect) => ({
      // A step gives one order at most, and the state counts them.
      id: `calls/${state.details.id}:order:${state.leg.orders}`,
      destination: 'carrier',
      body: { ...effect },
    }))
}

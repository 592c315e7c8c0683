import type { ActivityName } from '@menagerie/contracts'
import { eventRows, type JsonObject, makeEvent } from '@menagerie/core'
import type { JournalEvent, OutboxEntry } from '../journal/index.ts'
import { appears, type ListRow, rowChanged } from './desk-projection.ts'
import type { DeskEffect, DeskState } from './desk-state-types.ts'

/** How often a row was sent in vain; missing before the first time. */
interface Tried {
  attempts?: number
}

/** A row to a queue: its standing, which is read when it is sent, and what became of a reservation. */
export type QueueRow = Tried &
  (
    | { type: 'standing'; queueId: string }
    | {
        type: 'ended'
        queueId: string
        reservationId: string
        outcome: 'accepted' | 'rejected' | 'timeout'
        at: number
      }
  )

/** A row to a call's room. */
export type RoomRow = Tried &
  (
    | {
        type: 'accepted'
        callId: string
        offer: number
        reservationId: string
        queueId: string
        at: number
      }
    | { type: 'work'; callId: string; seconds: number }
  )

/** What a step's messages depend on beside the step. */
export interface Sending {
  traceparent: string | undefined
  /** A row that tells of the list's change waits, and will tell of this one as well. */
  listWaits: boolean
  /** When what nobody waits for leaves, milliseconds since the epoch: together, since changes come in twos and threes. */
  laterAt: number
}

/** What leaves the desk because of one step: CloudEvents, words to queues and rooms, and the row of the list. */
export function messagesOf(
  before: DeskState,
  after: DeskState,
  events: readonly JournalEvent[],
  effects: readonly DeskEffect[],
  { traceparent, listWaits, laterAt }: Sending,
): OutboxEntry[] {
  const name = `agents/${after.id}:v${after.version}`
  const rows = effects.flatMap(rowOf)
  const comes = appears(before, after)
  const body = { appears: comes } satisfies ListRow
  return [
    ...events
      .flatMap((event) => activityChanged(before, event, traceparent))
      .map((row) => ({ ...row, dueAt: laterAt })),
    ...rows.map(({ destination, body }, index) => ({
      id: `${name}.${index}@${destination}`,
      destination,
      body: body as unknown as JsonObject,
    })),
    ...(rowChanged(before, after) && (comes || !listWaits)
      ? [
          {
            id: `${name}@projection`,
            destination: 'projection',
            body,
            // Queues look for the agent in the list.
            ...(comes ? {} : { dueAt: laterAt }),
          },
        ]
      : []),
  ]
}

function rowOf(
  effect: DeskEffect,
): { destination: 'queue'; body: QueueRow } | { destination: 'room'; body: RoomRow } | readonly [] {
  switch (effect.type) {
    case 'queue.standing':
      return { destination: 'queue', body: { type: 'standing', queueId: effect.queueId } }
    case 'queue.ended':
      return { destination: 'queue', body: { ...effect, type: 'ended' } }
    case 'room.accepted':
      return { destination: 'room', body: { ...effect, type: 'accepted' } }
    case 'room.work':
      return {
        destination: 'room',
        body: { type: 'work', callId: effect.callId, seconds: effect.seconds },
      }
    case 'timer.set':
    case 'timer.cancel':
      return []
  }
}

function activityChanged(
  before: DeskState,
  event: JournalEvent,
  traceparent: string | undefined,
): OutboxEntry[] {
  if (event.type !== 'agent.activity' || event.data === null) return []
  const { name, previous, reason } = event.data as unknown as {
    name: ActivityName
    previous: ActivityName
    reason: string | null
  }
  // Only the next activity was chosen.
  if (name === previous) return []
  const at = Date.parse(event.time)
  const changed = makeEvent({
    type: 'agent.activity.changed.v1',
    id: event.id,
    source: `/agents/${before.id}`,
    subject: before.id,
    at,
    traceparent,
    data: {
      agentId: before.id,
      activity: name,
      previousActivity: previous,
      seconds: Math.max(0, Math.round((at - before.activity.since) / 1000)),
      reason,
      changedAt: event.time,
    },
  })
  return eventRows(changed).map(({ id, destination, body }) => ({
    id,
    destination,
    body: body as unknown as JsonObject,
  }))
}

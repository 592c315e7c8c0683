import type { CloudEvent, SocketOwner } from '@menagerie/contracts'
import { eventRows, type JsonObject, makeEvent } from '@menagerie/core'
import type { JournalEvent, OutboxEntry } from '../journal/types.ts'
import type { SessionEvent } from './user-sessions-state.ts'

/**
 * What the queues are told of sessions: `user.signed-in.v1` of those that opened, `session.revoked.v1` of those that
 * ended, with the objects that hold their sockets.
 */
export function sessionMessages(
  userId: string,
  events: readonly JournalEvent[],
  ownersOf: (sid: string) => SocketOwner[],
  traceparent: string | undefined,
): OutboxEntry[] {
  return events.flatMap((event) => messagesOf(userId, event, ownersOf, traceparent))
}

function messagesOf(
  userId: string,
  kept: JournalEvent,
  ownersOf: (sid: string) => SocketOwner[],
  traceparent: string | undefined,
): OutboxEntry[] {
  const event = { type: kept.type, ...kept.data } as SessionEvent
  const envelope = {
    id: kept.id,
    source: `/users/${userId}/sessions`,
    subject: `/users/${userId}/sessions/${event.sid}`,
    at: Date.parse(kept.time),
    traceparent,
  }
  switch (event.type) {
    case 'session.opened': {
      const { sid, clientId, acr } = event
      const data = { userId, sessionId: sid, clientId, acr }
      return entriesOf(makeEvent({ ...envelope, type: 'user.signed-in.v1', data }))
    }
    case 'session.refreshed':
      return []
    case 'session.revoked': {
      const { sid, reason } = event
      const data = { userId, sessionId: sid, reason, sockets: ownersOf(sid) }
      return entriesOf(makeEvent({ ...envelope, type: 'session.revoked.v1', data }))
    }
  }
}

const entriesOf = (event: CloudEvent): OutboxEntry[] =>
  eventRows(event).map(({ id, destination, body }) => ({
    id,
    destination,
    body: body as unknown as JsonObject,
  }))

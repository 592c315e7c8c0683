import type { CloudEvent, EventData, SocketOwner } from '@menagerie/contracts'
import { eventRows, type JsonObject, makeEvent } from '@menagerie/core'
import type { JournalEvent, OutboxEntry } from '../journal/types.ts'
import type { SessionEvent } from './session-types.ts'

type AuditEntry = EventData<'audit.recorded.v1'>
export type AuditActor = AuditEntry['actor']

export interface Telling {
  userId: string
  actor: AuditActor
  /** Objects that hold sockets of a session. */
  ownersOf: (sid: string) => SocketOwner[]
  traceparent: string | undefined
}

/**
 * What the queues are told of sessions, each once: those that opened and those that ended, with the objects that hold
 * their sockets, and one audit event for each change that somebody made. Of a client that acts for itself nothing is
 * told but its end: it shows who it is at every token.
 */
export function sessionMessages(events: readonly JournalEvent[], telling: Telling): OutboxEntry[] {
  return events.flatMap((event) => messagesOf(event, telling))
}

function messagesOf(kept: JournalEvent, telling: Telling): OutboxEntry[] {
  const { userId, ownersOf, traceparent } = telling
  const event = { type: kept.type, ...kept.data } as SessionEvent
  const envelope = {
    id: kept.id,
    source: `/users/${userId}/sessions`,
    at: Date.parse(kept.time),
    traceparent,
  }
  const about = (sid: string) => ({ ...envelope, subject: `/users/${userId}/sessions/${sid}` })
  const audit = (sid: string, entry: Pick<AuditEntry, 'action' | 'reason' | 'detail'>) =>
    entriesOf(
      makeEvent({
        ...about(sid),
        // The second message of one event has an id of its own.
        id: `${kept.id}.1`,
        type: 'audit.recorded.v1',
        data: {
          ...entry,
          outcome: 'success',
          actor: telling.actor,
          target: { kind: 'session', id: sid },
          detail: { userId, ...entry.detail },
        },
      }),
    )
  switch (event.type) {
    case 'session.opened': {
      const { sid, kind, clientId, acr, methods } = event
      if (kind === 'client') return []
      const data = { userId, sessionId: sid, clientId, acr }
      return [
        ...entriesOf(makeEvent({ ...about(sid), type: 'user.signed-in.v1', data })),
        ...audit(sid, {
          action: 'sign-in.succeeded',
          reason: null,
          detail: { clientId, acr, methods },
        }),
      ]
    }
    case 'session.refreshed':
      return []
    case 'session.renamed':
      return audit(event.sid, { action: 'session.renamed', reason: null, detail: {} })
    case 'session.stepped-up': {
      const { sid, method } = event
      return audit(sid, { action: 'step-up.succeeded', reason: null, detail: { method } })
    }
    case 'session.revoked': {
      const { sid, kind, reason } = event
      const data = { userId, sessionId: sid, reason, sockets: ownersOf(sid) }
      return [
        ...entriesOf(makeEvent({ ...about(sid), type: 'session.revoked.v1', data })),
        ...(kind === 'client' && reason === 'expired'
          ? []
          : audit(sid, { action: 'session.revoked', reason, detail: {} })),
      ]
    }
    case 'tokens.expired':
      return event.sids.flatMap((sid, index) => {
        const data = { userId, sessionId: sid, sockets: ownersOf(sid) }
        if (data.sockets.length === 0) return []
        return entriesOf(
          makeEvent({
            ...about(sid),
            id: `${kept.id}.${index}`,
            type: 'session.tokens-expired.v1',
            data,
          }),
        )
      })
  }
}

const entriesOf = (event: CloudEvent): OutboxEntry[] =>
  eventRows(event).map(({ id, destination, body }) => ({
    id,
    destination,
    body: body as unknown as JsonObject,
  }))

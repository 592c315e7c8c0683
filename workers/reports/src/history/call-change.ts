import type { CallDirection, CallStatus, CloudEvent } from '@menagerie/contracts'

/** What one event tells of a call. Times are milliseconds since the epoch; `null` where it does not tell. */
export interface CallChange {
  callId: string
  /** Grows with the call's events. */
  version: number
  direction: CallDirection
  status: CallStatus
  queueId: string | null
  agentId: string | null
  createdAt: number | null
  answeredAt: number | null
  endedAt: number | null
  talkSeconds: number
  holdSeconds: number
  durationSeconds: number
}

/**
 * What an event tells of a call, or `undefined` for the types that no report counts yet.
 *
 * @throws Error for an id without the event's number
 */
export function changeOf(event: CloudEvent): CallChange | undefined {
  switch (event.type) {
    case 'call.created.v1': {
      const { data } = event as CloudEvent<'call.created.v1'>
      return {
        ...changeFrom(event.id, data),
        status: 'queued',
        createdAt: Date.parse(data.createdAt),
      }
    }
    case 'call.status.changed.v1': {
      const { data } = event as CloudEvent<'call.status.changed.v1'>
      const { status } = data
      // Whoever talks or is on hold has answered, at this moment or before; the earliest one told is kept.
      const answered = status === 'in-progress' || status === 'on-hold'
      return {
        ...changeFrom(event.id, data),
        status,
        answeredAt: answered ? Date.parse(data.changedAt) : null,
      }
    }
    case 'call.ended.v1': {
      const { data } = event as CloudEvent<'call.ended.v1'>
      const { status, createdAt, answeredAt, endedAt, talkSeconds, holdSeconds, durationSeconds } =
        data
      return {
        ...changeFrom(event.id, data),
        status,
        createdAt: Date.parse(createdAt),
        answeredAt: answeredAt === null ? null : Date.parse(answeredAt),
        endedAt: Date.parse(endedAt),
        talkSeconds,
        holdSeconds,
        durationSeconds,
      }
    }
    case 'contact.offered.v1':
    case 'contact.answered.v1':
    case 'contact.abandoned.v1':
    case 'agent.activity.changed.v1':
    case 'message.created.v1':
    case 'message.status.changed.v1':
    case 'device.presence.changed.v1':
    case 'device.event.v1':
    case 'device.rule.triggered.v1':
    case 'device.message.rejected.v1':
    case 'notification.requested.v1':
    case 'notification.status.changed.v1':
    case 'user.registered.v1':
    case 'user.signed-in.v1':
    case 'user.sign-in.failed.v1':
    case 'session.revoked.v1':
      return undefined
  }
}

interface CallOfEvent {
  callId: string
  direction: CallDirection
  queueId: string | null
  agentId: string | null
}

const changeFrom = (eventId: string, { callId, direction, queueId, agentId }: CallOfEvent) => ({
  callId,
  version: versionOf(eventId),
  direction,
  queueId,
  agentId,
  createdAt: null,
  answeredAt: null,
  endedAt: null,
  talkSeconds: 0,
  holdSeconds: 0,
  durationSeconds: 0,
})

/** `{object}:{seq}`, with `.{n}` behind it for the further events of one journal entry, as a number that sorts alike. */
function versionOf(eventId: string): number {
  const [, seq, part = '0'] = /:(\d{1,12})(?:\.(\d{1,2}))?$/.exec(eventId) ?? []
  if (seq === undefined) throw new Error(`The event id ${eventId} does not end in a number`)
  return Number(seq) * 100 + Number(part)
}

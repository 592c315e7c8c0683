import type { CallDirection, CallStatus, CloudEvent } from '@menagerie/contracts'
import { makeEvent, newId, toTimestamp } from '@menagerie/core'
import type { CallCounters } from '../../src/history/history-store.ts'

/** What happens in a call, for tests. Times are milliseconds since the epoch. */
export interface CallStory {
  direction: CallDirection
  queueId: string | null
  agentId: string | null
  /** The agent from the first ringing on, where it is another. */
  laterAgentId?: string | null
  createdAt: number
  /** Seconds after the creation; `null` where it is not answered. */
  answeredAfter: number | null
  holds: boolean
  /** Seconds after the creation or the answer; `null` while it lasts. */
  endedAfter: number | null
}

/** The events of a call as its room publishes them. */
export function eventsOf(story: CallStory, callId: string = newId()): CloudEvent[] {
  const { direction, queueId, agentId, createdAt, answeredAfter, holds, endedAfter } = story
  const agentLater = story.laterAgentId === undefined ? agentId : story.laterAgentId
  const call = (agent: string | null) => ({
    callId,
    direction,
    from: '+12025550100',
    to: '+12025550101',
    agentId: agent,
    queueId,
  })
  const envelope = { source: `/calls/${callId}`, subject: callId }
  const events: CloudEvent[] = [
    makeEvent({
      ...envelope,
      type: 'call.created.v1',
      id: `calls/${callId}:1`,
      at: createdAt,
      data: { ...call(agentId), createdAt: toTimestamp(createdAt) },
    }),
  ]
  let previousStatus: CallStatus = 'queued'
  let seq = 1
  const move = (status: CallStatus, at: number) => {
    seq += 1
    events.push(
      makeEvent({
        ...envelope,
        type: 'call.status.changed.v1',
        id: `calls/${callId}:${seq}`,
        at,
        data: {
          ...call(agentLater),
          status,
          previousStatus,
          reason: null,
          changedAt: toTimestamp(at),
        },
      }),
    )
    previousStatus = status
  }
  move('ringing', createdAt + 500)
  const answeredAt = answeredAfter === null ? null : createdAt + answeredAfter * 1000
  if (answeredAt !== null) {
    move('in-progress', answeredAt)
    if (holds) {
      move('on-hold', answeredAt + 1_000)
      move('in-progress', answeredAt + 2_000)
    }
  }
  if (endedAfter !== null) {
    const endedAt = (answeredAt ?? createdAt) + endedAfter * 1000
    const status = answeredAt === null ? 'no-answer' : 'completed'
    move(status, endedAt)
    events.push(
      makeEvent({
        ...envelope,
        type: 'call.ended.v1',
        id: `calls/${callId}:${seq}.1`,
        at: endedAt,
        data: {
          ...call(agentLater),
          status,
          reason: null,
          createdAt: toTimestamp(createdAt),
          answeredAt: answeredAt === null ? null : toTimestamp(answeredAt),
          endedAt: toTimestamp(endedAt),
          talkSeconds: answeredAt === null ? 0 : endedAfter,
          holdSeconds: holds && answeredAt !== null ? 1 : 0,
          durationSeconds: Math.round((endedAt - createdAt) / 1000),
        },
      }),
    )
  }
  return events
}

/** What a call counts for, told from its story alone. */
export function countersOf(story: CallStory): CallCounters {
  const answered = story.answeredAfter !== null
  const ended = story.endedAfter !== null
  return {
    calls: 1,
    callsAnswered: answered ? 1 : 0,
    callsTalked: answered && ended ? 1 : 0,
    talkSeconds: answered ? (story.endedAfter ?? 0) : 0,
    holdSeconds: answered && ended && story.holds ? 1 : 0,
    durationSeconds: ended ? (story.answeredAfter ?? 0) + (story.endedAfter ?? 0) : 0,
  }
}

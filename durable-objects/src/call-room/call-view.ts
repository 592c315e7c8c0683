import type { Call, CallRecord, Participant } from '@menagerie/contracts'
import { toTimestamp } from '@menagerie/core'
import { answeredAt } from './call-phase.ts'
import type { CallState } from './call-types.ts'

const timeOrNull = (at: number | null): string | null => (at === null ? null : toTimestamp(at))
const seconds = (ms: number): number => Math.round(ms / 1000)

/** The call as a row of the history. Lengths are 0 until the call has ended. */
export function toRecord(state: CallState): CallRecord {
  const { details, phase } = state
  const ended = 'endedAt' in phase ? phase : undefined
  const answered = answeredAt(phase)
  return {
    id: details.id,
    direction: details.direction,
    from: details.from,
    to: details.to,
    status: phase.status,
    queueId: details.queueId,
    agentId: details.agentId,
    // Both belong to contacts of a queue; a call that was simply started has never waited in one.
    offeredAt: null,
    answeredAt: timeOrNull(answered),
    endedAt: timeOrNull(ended?.endedAt ?? null),
    waitSeconds: null,
    talkSeconds:
      ended === undefined || answered === null
        ? 0
        : seconds(Math.max(0, ended.endedAt - answered - ended.heldMs)),
    holdSeconds: ended === undefined ? 0 : seconds(ended.heldMs),
    afterContactWorkSeconds: 0,
    durationSeconds: ended === undefined ? 0 : seconds(ended.endedAt - details.createdAt),
    disposition: null,
    hangupCause: ended?.reason ?? null,
  }
}

/** The call as `GET /calls/{id}` and `welcome` show it; `seq` is the newest number of its journal. */
export function toCall(state: CallState, seq: number): Call {
  return {
    ...toRecord(state),
    createdAt: toTimestamp(state.details.createdAt),
    seq,
    participants: state.participants.map(
      ({ id, kind, address, state: presence, joinedAt, leftAt }): Participant => ({
        id,
        kind,
        address,
        state: presence,
        joinedAt: timeOrNull(joinedAt),
        leftAt: timeOrNull(leftAt),
      }),
    ),
    metadata: state.details.metadata,
  }
}

/** The users a call belongs to: the starter, the agent and every user who takes part. */
export const membersOf = ({ details, participants }: CallState): string[] => [
  ...new Set([
    details.startedBy,
    ...(details.agentId === null ? [] : [details.agentId]),
    ...participants.filter(({ kind }) => kind === 'user').map(({ address }) => address),
  ]),
]

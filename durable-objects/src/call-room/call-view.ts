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
  const { contact } = state
  const waitedUntil = contact?.acceptedAt ?? ended?.endedAt ?? null
  const afterContactWorkSeconds = Object.values(state.work).reduce((sum, one) => sum + one, 0)
  return {
    id: details.id,
    direction: details.direction,
    from: details.from,
    to: details.to,
    status: phase.status,
    queueId: queueOf(state),
    agentId: state.agentId,
    // Both belong to contacts of a queue; a call that was simply started has never waited in one.
    offeredAt: timeOrNull(contact?.offeredAt ?? null),
    answeredAt: timeOrNull(answered),
    endedAt: timeOrNull(ended?.endedAt ?? null),
    waitSeconds:
      contact === null || waitedUntil === null
        ? null
        : seconds(Math.max(0, waitedUntil - contact.offeredAt)),
    talkSeconds:
      ended === undefined || answered === null
        ? 0
        : seconds(Math.max(0, ended.endedAt - answered - ended.heldMs)),
    holdSeconds: ended === undefined ? 0 : seconds(ended.heldMs),
    afterContactWorkSeconds,
    durationSeconds: ended === undefined ? 0 : seconds(ended.endedAt - details.createdAt),
    disposition: state.disposition,
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
      ({ id, kind, address, state: presence, joinedAt, leftAt, muted }): Participant => ({
        id,
        kind,
        address,
        state: presence,
        joinedAt: timeOrNull(joinedAt),
        leftAt: timeOrNull(leftAt),
        muted,
      }),
    ),
    metadata: state.details.metadata,
    notes: state.notes,
  }
}

/** The queue that has, or had, the call. */
export const queueOf = ({ contact, details }: CallState): string | null =>
  contact?.queueId ?? details.queueId

/** The users a call belongs to: the starter, the agent and every user who takes part; nobody who was taken out. */
export function membersOf({ details, agentId, participants }: CallState): string[] {
  const users = participants.filter(({ kind }) => kind === 'user')
  const removed = new Set(users.filter((one) => one.removed).map(({ address }) => address))
  return [
    ...new Set([
      ...(details.startedBy === null ? [] : [details.startedBy]),
      ...(agentId === null ? [] : [agentId]),
      ...users.map(({ address }) => address),
    ]),
  ].filter((userId) => !removed.has(userId))
}

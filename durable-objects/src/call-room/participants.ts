import type { CallJournalEvent, CallParticipant } from './call-types.ts'

/** A change of the participants and the events that tell it. */
export interface ParticipantsChange {
  participants: readonly CallParticipant[]
  events: CallJournalEvent[]
}

/** Those a call begins with: the starter, the agent when that is somebody else, and the number that is called. */
export function invite(startedBy: string, agentId: string | null, to: string): CallParticipant[] {
  const users = [...new Set([startedBy, ...(agentId === null ? [] : [agentId])])]
  const callee = to.startsWith('user:')
    ? ({ kind: 'user', address: to.slice('user:'.length) } as const)
    : ({ kind: 'phone', address: to } as const)
  const invited = [
    ...users.map((address) => ({ kind: 'user', address }) as const),
    ...(callee.kind === 'user' && users.includes(callee.address) ? [] : [callee]),
  ]
  return invited.map((who, index) => ({
    id: `p${index + 1}`,
    ...who,
    state: 'invited',
    joinedAt: null,
    leftAt: null,
    absentSince: null,
  }))
}

/** Lets those who match come in; who is in already stays so without an event. */
export function join(
  participants: readonly CallParticipant[],
  matches: (participant: CallParticipant) => boolean,
  now: number,
): ParticipantsChange {
  return change(participants, (participant) =>
    participant.state !== 'joined' && matches(participant)
      ? { ...participant, state: 'joined', joinedAt: now, leftAt: null, absentSince: null }
      : participant,
  )
}

/** Lets those who match go; who never came in cannot leave. */
export function leave(
  participants: readonly CallParticipant[],
  matches: (participant: CallParticipant) => boolean,
  now: number,
): ParticipantsChange {
  return change(participants, (participant) =>
    participant.state === 'joined' && matches(participant)
      ? { ...participant, state: 'left', leftAt: now, absentSince: null }
      : participant,
  )
}

function change(
  before: readonly CallParticipant[],
  to: (participant: CallParticipant) => CallParticipant,
): ParticipantsChange {
  const participants = before.map(to)
  const events = participants
    .filter((participant, index) => participant !== before[index])
    .map(({ id, kind, address, state }): CallJournalEvent => {
      const type = state === 'joined' ? 'participant.joined' : 'participant.left'
      return { type, data: { id, kind, address, state } }
    })
  return events.length === 0 ? { participants: before, events } : { participants, events }
}

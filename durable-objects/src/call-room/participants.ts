import type { CallJournalEvent, ParticipantData } from './call-outputs.ts'
import { type Move, unchanged } from './call-phase.ts'
import type { CallParticipant, CallState } from './call-types.ts'

/** More people than this nobody asks into a call. */
export const MAX_PARTICIPANTS = 50

type Who = Pick<CallParticipant, 'kind' | 'address' | 'entry'>

/** Those a call begins with: the starter, the agent when that is somebody else, and the number that is called. */
export function invite(startedBy: string, agentId: string | null, to: string): CallParticipant[] {
  const users = [...new Set([startedBy, ...(agentId === null ? [] : [agentId])])]
  const callee: Who = to.startsWith('user:')
    ? { kind: 'user', address: to.slice('user:'.length), entry: 'answer' }
    : { kind: 'phone', address: to, entry: 'answer' }
  return [
    ...users
      .filter((address) => callee.kind === 'phone' || address !== callee.address)
      .map((address): Who => ({ kind: 'user', address, entry: 'socket' })),
    callee,
  ].map((who, index) => invited(`p${index + 1}`, who))
}

export const invited = (id: string, { kind, address, entry }: Who): CallParticipant => ({
  id,
  kind,
  address,
  entry,
  state: 'invited',
  joinedAt: null,
  leftAt: null,
  absentSince: null,
  muted: false,
  removed: false,
  connectionId: null,
  seen: false,
  queueId: null,
  readSeq: 0,
})

interface BroughtIn {
  id: string
  state: CallState
}

/** The participant of that address, asked in anew where there was one before; `undefined` where the call is full. */
export function bringIn(state: CallState, who: Who): BroughtIn | undefined {
  const isFull = state.participants.length >= MAX_PARTICIPANTS
  return isFull && find(state, who) === undefined ? undefined : letIn(state, who)
}

/** The same for somebody whom the call has waited for: there is always room for them. */
export function letIn(state: CallState, who: Who): BroughtIn {
  const known = find(state, who)
  if (known === undefined) {
    const id = `p${state.participants.length + 1}`
    return { id, state: { ...state, participants: [...state.participants, invited(id, who)] } }
  }
  const again: CallParticipant = {
    ...known,
    entry: who.entry,
    removed: false,
    ...(known.state === 'joined' ? {} : { state: 'invited' }),
  }
  return { id: known.id, state: replaced(state, again) }
}

const find = (state: CallState, who: Who): CallParticipant | undefined =>
  state.participants.find(({ kind, address }) => kind === who.kind && address === who.address)

/** Lets those who match come in; who is in already stays so without an event. */
export const join =
  (
    matches: (participant: CallParticipant) => boolean,
    now: number,
    more: Partial<CallParticipant> = {},
  ): Move =>
  (state) =>
    change(state, 'participant.joined', (one) =>
      one.state !== 'joined' && matches(one)
        ? {
            ...one,
            state: 'joined',
            joinedAt: now,
            leftAt: null,
            absentSince: null,
            muted: false,
            connectionId: null,
            ...more,
          }
        : one,
    )

/** Lets those who match go; who never came in cannot leave. Timers of their absence go with them. */
export const leave =
  (
    matches: (participant: CallParticipant) => boolean,
    now: number,
    more: Partial<CallParticipant> = {},
  ): Move =>
  (state) => {
    const absent = state.participants.filter((one) => one.absentSince !== null && matches(one))
    const left = change(state, 'participant.left', (one) =>
      one.state === 'joined' && matches(one)
        ? { ...one, state: 'left', leftAt: now, absentSince: null, connectionId: null, ...more }
        : one,
    )
    const timers = absent.map(({ id }) => ({ type: 'timer.cancel', name: `gone:${id}` }) as const)
    return { ...left, effects: timers }
  }

/** Changes a participant who stays where they are, and tells it. */
export const update =
  (id: string, more: Partial<Pick<CallParticipant, 'muted' | 'connectionId'>>): Move =>
  (state) =>
    change(state, 'participant.updated', (one) =>
      one.id === id && Object.entries(more).some(([name, value]) => one[name as 'muted'] !== value)
        ? { ...one, ...more }
        : one,
    )

/** Changes what is known of a participant and nobody is told. */
export const note =
  (id: string, more: Partial<CallParticipant>): Move =>
  (state) => {
    const one = state.participants.find((other) => other.id === id)
    return unchanged(one === undefined ? state : replaced(state, { ...one, ...more }))
  }

const replaced = (state: CallState, one: CallParticipant): CallState => ({
  ...state,
  participants: state.participants.map((other) => (other.id === one.id ? one : other)),
})

function change(
  before: CallState,
  type: 'participant.joined' | 'participant.updated' | 'participant.left',
  to: (participant: CallParticipant) => CallParticipant,
) {
  const participants = before.participants.map(to)
  const events = participants
    .filter((participant, index) => participant !== before.participants[index])
    .map((participant): CallJournalEvent => ({ type, data: dataOf(participant) }))
  const state = events.length === 0 ? before : { ...before, participants }
  return { state, events, effects: [] }
}

const dataOf = (one: CallParticipant): ParticipantData => ({
  id: one.id,
  kind: one.kind,
  address: one.address,
  state: one.state,
  muted: one.muted,
  ...(one.connectionId === null ? {} : { connectionId: one.connectionId }),
})

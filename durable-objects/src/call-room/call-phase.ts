import { type CallStatus, isTerminal } from '@menagerie/contracts'
import type {
  CallEffect,
  CallJournalEvent,
  CarrierOrder,
  RoomTask,
  Step,
  UpdatedData,
} from './call-outputs.ts'
import type { CallParticipant, CallPhase, CallState, EndedPhase } from './call-types.ts'
import { TIME_LIMIT_MS } from './limits.ts'

/** The step that changes nothing. */
export const unchanged = (state: CallState): Step => ({ state, events: [], effects: [] })

/** A part of a step. */
export type Move = (state: CallState) => Step

/** One move after another, as one step. */
export const chain = (state: CallState, ...moves: readonly Move[]): Step =>
  moves.reduce(follow, unchanged(state))

/** A step and what follows from it. */
function follow(before: Step, move: Move): Step {
  const after = move(before.state)
  return {
    state: after.state,
    events: [...before.events, ...after.events],
    effects: [...before.effects, ...after.effects],
  }
}

/** A step and several moves that follow from it. */
export const chainOn = (before: Step, ...moves: readonly Move[]): Step =>
  moves.reduce(follow, before)

export const hasEnded = (
  state: CallState,
): state is Omit<CallState, 'phase'> & { phase: EndedPhase } => isTerminal(state.phase.status)

/** When the call was answered; `null` when it was not. */
export const answeredAt = (phase: CallPhase): number | null =>
  'answeredAt' in phase ? phase.answeredAt : null

/** Whether the carrier has, or will have, a call for this one. */
export const hasLeg = ({ details }: CallState): boolean => details.direction !== 'internal'

export const participantOf = (state: CallState, userId: string): CallParticipant | undefined =>
  state.participants.find(({ kind, address }) => kind === 'user' && address === userId)

/** Whether somebody else is being fetched: until they are there, or not, nobody holds the call or hands it over. */
export const isFetching = ({ transfer, ring, contact, flow }: CallState): boolean =>
  transfer !== null ||
  ring !== null ||
  contact?.waits === true ||
  (flow !== null && flow.dialing !== null)

/** Sets members of the state. */
export const having =
  (part: Partial<CallState>): Move =>
  (state) => ({ ...unchanged(state), state: { ...state, ...part } })

export const effects =
  (...some: readonly CallEffect[]): Move =>
  (state) => ({ ...unchanged(state), effects: some })

/** Tells members what changed beside the status. */
export const updated =
  (data: UpdatedData): Move =>
  (state) => ({ ...unchanged(state), events: [{ type: 'call.updated', data }] })

/** Moves to another status; an event of the same status would tell nothing. */
export const enter =
  (phase: CallPhase): Move =>
  (state) => {
    const previousStatus: CallStatus = state.phase.status
    const status: CallStatus = phase.status
    const reason = 'reason' in phase ? { reason: phase.reason } : {}
    const data = { status, previousStatus, ...reason }
    const events: CallJournalEvent[] =
      status === previousStatus ? [] : [{ type: 'call.status', data }]
    return { state: { ...state, phase }, events, effects: [] }
  }

/** Gives the carrier an order, with a number of its own. */
export const order =
  (wanted: CarrierOrder): Move =>
  (state) => ({
    state: { ...state, leg: { ...state.leg, orders: state.leg.orders + 1 } },
    events: [],
    effects: [wanted],
  })

/** Has the carrier ask again what to do, where there is one that could. */
export const redirect: Move = (state) => {
  const live = hasLeg(state) && state.leg.callSid !== null && state.leg.hangup === null
  return live ? order({ type: 'carrier.redirect' })(state) : unchanged(state)
}

/** Tells a desk or a queue, with a number of its own. */
export const task =
  (told: RoomTask): Move =>
  (state) => ({ state: { ...state, tasks: state.tasks + 1 }, events: [], effects: [told] })

/** From now on, or again, people talk. */
export const talk =
  (now: number): Move =>
  (state) => {
    const { phase } = state
    switch (phase.status) {
      case 'queued':
      case 'ringing':
        return enter({ status: 'in-progress', answeredAt: now, heldMs: 0 })(state)
      case 'on-hold': {
        const heldMs = phase.heldMs + Math.max(0, now - phase.heldAt)
        return enter({ status: 'in-progress', answeredAt: phase.answeredAt, heldMs })(state)
      }
    }
    return unchanged(state)
  }

/** From now on somebody waits. */
export const putOnHold =
  (now: number): Move =>
  (state) => {
    const { phase } = state
    if (phase.status !== 'in-progress') return unchanged(state)
    return enter({ ...phase, status: 'on-hold', heldAt: now })(state)
  }

/** Bounds the call's length from here. */
export const limit = (now: number): Move =>
  effects({ type: 'timer.set', name: 'time-limit', at: now + TIME_LIMIT_MS })

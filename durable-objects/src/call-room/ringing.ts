import type { Step } from './call-outputs.ts'
import {
  chain,
  effects,
  enter,
  hasLeg,
  having,
  isFetching,
  type Move,
  redirect,
  task,
  unchanged,
} from './call-phase.ts'
import type { CallState, Ring } from './call-types.ts'
import { dropLegsBeside } from './legs.ts'
import { bringIn } from './participants.ts'

/** Rings at all devices of an account. Nobody rings in a call that is full. */
export const startRing =
  (userId: string, why: Ring['why'], until: number): Move =>
  (state) => {
    const asked = bringIn(state, { kind: 'user', address: userId, entry: 'answer' })
    if (asked === undefined) return unchanged(state)
    const number = state.rings + 1
    const ring = { number, participantId: asked.id, userId, why, until }
    return chain(
      asked.state,
      having({ ring, rings: number }),
      task({ type: 'desk.ring', userId, number, expiresAt: until }),
      effects({ type: 'timer.set', name: 'user-ring', at: until }),
    )
  }

/** It rings no more; `status` is what ended it. */
export const stopRing =
  (status: string): Move =>
  (state) => {
    const { ring } = state
    if (ring === null) return unchanged(state)
    return chain(
      state,
      having({ ring: null }),
      task({ type: 'desk.stop', userId: ring.userId, number: ring.number, status }),
      effects({ type: 'timer.cancel', name: 'user-ring' }),
    )
  }

/** A desk rings; with no device there, one may still come. */
export function rang(state: CallState, number: number, devices: number, now: number): Step {
  if (state.ring?.number !== number || devices === 0) return unchanged(state)
  return audible(state, now)
}

/** Somebody's device shows the call: its first ring makes the call `ringing`. */
export function audible(state: CallState, now: number): Step {
  const { ring, phase } = state
  const first = ring !== null && (ring.why === 'callee' || ring.why === 'flow')
  if (!first || phase.status !== 'queued') return unchanged(state)
  return enter({ status: 'ringing', ringingAt: now })(state)
}

/** From now on the carrier connects the phone with this participant's device, and with no other telephone. */
export const connect =
  (participantId: string): Move =>
  (state) =>
    hasLeg(state)
      ? chain(
          state,
          having({ leg: { ...state.leg, connectedTo: participantId } }),
          dropLegsBeside(participantId),
        )
      : unchanged(state)

/** A phone that waits for somebody of ours is put through to whoever comes first. */
export const putThrough =
  (participantId: string): Move =>
  (state) => {
    const { leg, phase, participants } = state
    if (!hasLeg(state) || phase.status !== 'in-progress') return unchanged(state)
    const isHeard = participants.some(
      ({ id, state }) => id === leg.connectedTo && id !== participantId && state === 'joined',
    )
    if (isHeard || leg.hangup !== null || isFetching(state)) return unchanged(state)
    return chain(state, connect(participantId), redirect)
  }

/** Whether this user is rung now. */
export const isRung = ({ ring }: CallState, userId: string): boolean => ring?.userId === userId

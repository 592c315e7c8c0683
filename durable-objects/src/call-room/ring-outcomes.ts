import { endBothSides } from './call-end.ts'
import type { Step } from './call-outputs.ts'
import {
  answeredAt,
  chain,
  chainOn,
  hasEnded,
  having,
  limit,
  type Move,
  redirect,
  talk,
  unchanged,
  updated,
} from './call-phase.ts'
import type { CallParticipant, CallState, EndReason } from './call-types.ts'
import { proceed } from './flow-run.ts'
import { redirectLegs } from './legs.ts'
import { TRANSFER_RING_MS } from './limits.ts'
import { join } from './participants.ts'
import { connect, startRing, stopRing } from './ringing.ts'

/** Whoever is rung takes the call, on that device. */
export function answerRing(state: CallState, connectionId: string | null, now: number): Step {
  const { ring } = state
  if (ring === null) return unchanged(state)
  const { participantId, userId, why } = ring
  const joined: Partial<CallParticipant> = {
    connectionId,
    seen: connectionId !== null,
    entry: 'socket',
    queueId: null,
  }
  const came = chain(
    state,
    stopRing('in-progress'),
    join(({ id }) => id === participantId, now, joined),
  )
  const { transfer } = state
  if (why === 'consult' && transfer?.mode === 'attended')
    return chainOn(
      came,
      having({ transfer: { ...transfer, stage: 'consulting' } }),
      updated({ transfer: 'consulting' }),
    )
  return chainOn(
    came,
    ...(why === 'callee' ? [] : [having({ agentId: userId, transfer: null })]),
    connect(participantId),
    ...(why === 'transfer' ? [updated({ transfer: 'completed', agentId: userId })] : []),
    ...(answeredAt(state.phase) === null ? [limit(now)] : []),
    talk(now),
    redirect,
  )
}

/** Nobody takes the call there: it goes on as the ring's purpose wants. */
export function ringFailed(state: CallState, how: 'rejected' | 'timeout', now: number): Step {
  const { ring } = state
  if (ring === null || hasEnded(state)) return unchanged(state)
  const stop = stopRing(how === 'rejected' ? 'busy' : 'no-answer')
  switch (ring.why) {
    case 'callee':
      return how === 'rejected' ? endRing(state, 'busy', now) : endRing(state, 'no-answer', now)
    case 'flow':
      return chain(state, stop, proceed(now), redirect)
    case 'transfer':
      return chain(state, stop, returnCall(now))
    case 'return':
      return chain(
        state,
        stop,
        having({ transfer: null }),
        endBothSides('completed', 'transfer_failed', now),
      )
    case 'consult':
      return chain(
        state,
        stop,
        having({ transfer: null }),
        updated({ transfer: 'failed' }),
        talk(now),
        redirect,
        redirectLegs,
      )
  }
}

const endRing = (state: CallState, status: 'busy' | 'no-answer', now: number): Step =>
  endBothSides(status, status === 'busy' ? 'rejected' : 'ring_timeout', now)(state)

/** The target did not take it: whoever handed it over is asked to take it back. */
export const returnCall =
  (now: number, reason?: EndReason): Move =>
  (state) => {
    const { transfer, participants } = state
    const by = participants.find(({ id }) => id === transfer?.by)
    const failed = chain(
      state,
      updated({ transfer: 'failed', ...(reason === undefined ? {} : { reason }) }),
    )
    if (by === undefined || by.removed || by.kind !== 'user')
      return chainOn(
        failed,
        having({ transfer: null }),
        endBothSides('completed', 'transfer_failed', now),
      )
    return chainOn(
      failed,
      having({ transfer: null }),
      startRing(by.address, 'return', now + TRANSFER_RING_MS),
    )
  }

import { end } from './call-end.ts'
import {
  answeredAt,
  chain,
  hasEnded,
  hasLeg,
  having,
  type Move,
  redirect,
  talk,
  unchanged,
  updated,
} from './call-phase.ts'
import type { CallParticipant, CallState } from './call-types.ts'
import { connect, stopRing } from './ringing.ts'
import { offerAgain } from './waiting.ts'

/**
 * What follows when somebody has left an ongoing call: a transfer ends, a queue's contact is offered again, and a call
 * between browsers in which one is left is over.
 */
export const parted =
  (who: CallParticipant, now: number): Move =>
  (state) => {
    if (hasEnded(state) || state.leg.hangup !== null) return unchanged(state)
    return chain(state, transferParted(who, now), contactParted(who, now), alone(now))
  }

const transferParted =
  (who: CallParticipant, now: number): Move =>
  (state) => {
    const { transfer, ring } = state
    if (transfer?.mode !== 'attended') return unchanged(state)
    if (who.id === transfer.target) return cancelTransfer(now)(state)
    if (who.id !== transfer.by) return unchanged(state)
    if (transfer.stage === 'consulting') return completeTransfer(now)(state)
    // Whoever handed it over has gone before the target was there: it goes on as if blind.
    const { by, target } = transfer
    return chain(
      state,
      having({
        transfer: { mode: 'blind', by, target, toPhone: false },
        ring: ring === null ? null : { ...ring, why: 'transfer' },
      }),
    )
  }

/** Takes a call back from a transfer that was not completed; the target has left, or leaves now. */
export const cancelTransfer =
  (now: number): Move =>
  (state) =>
    chain(
      state,
      stopRing('canceled'),
      having({ transfer: null }),
      updated({ transfer: 'canceled' }),
      talk(now),
      redirect,
    )

/** The target has the call now; whoever handed it over has left, or leaves now. */
export const completeTransfer =
  (now: number): Move =>
  (state) => {
    const { transfer, participants } = state
    const target = participants.find(({ id }) => id === transfer?.target)
    if (target === undefined) return unchanged(state)
    return chain(
      state,
      having({ transfer: null, agentId: target.address }),
      connect(target.id),
      updated({ transfer: 'completed', agentId: target.address }),
      talk(now),
      redirect,
    )
  }

const contactParted =
  (who: CallParticipant, now: number): Move =>
  (state) => {
    const { contact, participants, transfer, ring } = state
    const had =
      who.queueId !== null && contact?.acceptedAt !== null && state.agentId === who.address
    const others = participants.some(({ kind, state: at }) => kind === 'user' && at === 'joined')
    if (!had || others || transfer !== null || ring !== null) return unchanged(state)
    return offerAgain(now)(state)
  }

const alone =
  (now: number): Move =>
  (state) => {
    if (hasLeg(state)) return unchanged(state)
    const inside = state.participants.filter((one) => one.state === 'joined')
    if (answeredAt(state.phase) === null)
      return starterIsOut(state)
        ? end('canceled', 'participant_left', now)(state)
        : unchanged(state)
    const mayCome = state.ring !== null || state.transfer !== null || state.contact?.waits === true
    const over = inside.length === 0 || (inside.length === 1 && !mayCome)
    return over ? end('completed', 'participant_left', now)(state) : unchanged(state)
  }

const starterIsOut = ({ participants, details }: CallState): boolean =>
  participants.some(({ address, state }) => address === details.startedBy && state === 'left')

import { end, endBothSides } from './call-end.ts'
import {
  answeredAt,
  chain,
  hasEnded,
  hasLeg,
  having,
  isFetching,
  type Move,
  redirect,
  talk,
  unchanged,
  updated,
} from './call-phase.ts'
import type { CallParticipant, CallState } from './call-types.ts'
import { dropLeg, redirectLegs } from './legs.ts'
import { note } from './participants.ts'
import { connect, stopRing } from './ringing.ts'
import { offerAgain } from './waiting.ts'

/**
 * What follows when somebody has left an ongoing call: a transfer ends, a queue's contact is offered again, and a call
 * in which one is left is over.
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
        transfer: {
          mode: 'blind',
          by,
          target,
          toPhone: transfer.leg !== undefined,
          ...(transfer.leg === undefined ? {} : { leg: transfer.leg }),
        },
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
      ...(state.transfer?.leg === undefined ? [] : [dropLeg(state.transfer.leg)]),
      having({ transfer: null }),
      updated({ transfer: 'canceled' }),
      talk(now),
      redirect,
      redirectLegs,
    )

/** The target has the call now; whoever handed it over has left, or leaves now. */
export const completeTransfer =
  (now: number): Move =>
  (state) => {
    const { transfer, participants } = state
    const target = participants.find(({ id }) => id === transfer?.target)
    if (target === undefined) return unchanged(state)
    const has = target.kind === 'user' ? { agentId: target.address } : {}
    return chain(
      state,
      having({ transfer: null, ...has }),
      connect(target.id),
      updated({ transfer: 'completed', ...has }),
      talk(now),
      redirect,
      redirectLegs,
    )
  }

/** A contact of a queue whose last agent is lost waits there again, whoever of ours had it by then. */
const contactParted =
  (who: CallParticipant, now: number): Move =>
  (state) => {
    const wasTaken = state.contact !== null && state.contact.acceptedAt !== null
    if (who.kind !== 'user' || !hasLeg(state) || !wasTaken) return unchanged(state)
    if (isFetching(state) || someoneIsThere(state)) return unchanged(state)
    return chain(state, note(who.id, { entry: 'none' }), offerAgain(now))
  }

const alone =
  (now: number): Move =>
  (state) => {
    if (hasLeg(state)) return phoneAlone(now)(state)
    const inside = state.participants.filter((one) => one.state === 'joined')
    if (answeredAt(state.phase) === null)
      return starterIsOut(state)
        ? end('canceled', 'participant_left', now)(state)
        : unchanged(state)
    const mayCome = state.ring !== null || state.transfer !== null || state.contact?.waits === true
    const over = inside.length === 0 || (inside.length === 1 && !mayCome)
    return over ? end('completed', 'participant_left', now)(state) : unchanged(state)
  }

/** The phone of a call has nobody of ours left to talk to, and nobody is fetched: it is hung up. */
const phoneAlone =
  (now: number): Move =>
  (state) => {
    if (isFetching(state) || someoneIsThere(state)) return unchanged(state)
    if (answeredAt(state.phase) !== null)
      return endBothSides('completed', 'participant_left', now)(state)
    // Who was named beside the starter may still come, and a flow needs nobody.
    const mayCome = state.flow !== null || state.participants.some(isExpected)
    return mayCome || !starterIsOut(state)
      ? unchanged(state)
      : endBothSides('canceled', 'participant_left', now)(state)
  }

/** Whether a user, or a phone that was dialled for the customer, is in the call. */
const someoneIsThere = ({ participants, leg }: CallState): boolean =>
  participants.some(
    ({ id, kind, state }) => state === 'joined' && (kind === 'user' || id === leg.connectedTo),
  )

const isExpected = ({ kind, state, entry }: CallParticipant): boolean =>
  kind === 'user' && state === 'invited' && entry === 'socket'

const starterIsOut = ({ participants, details }: CallState): boolean =>
  participants.some(({ address, state }) => address === details.startedBy && state === 'left')

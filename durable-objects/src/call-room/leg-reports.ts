import { letGo } from './call-end.ts'
import type { CarrierReport, CarrierStatus, DialOutcome, LegInput } from './call-inputs.ts'
import { liveStatuses } from './call-inputs.ts'
import type { Step } from './call-outputs.ts'
import {
  chain,
  chainOn,
  effects,
  hasEnded,
  having,
  type Move,
  order,
  redirect,
  talk,
  unchanged,
  updated,
} from './call-phase.ts'
import type { CallState, EndReason, SecondLeg } from './call-types.ts'
import { dropLeg, forgetLeg, isOtherOfOurs, legOf, legsOf, noteLeg, redirectLegs } from './legs.ts'
import { join, leave, note } from './participants.ts'
import { completeTransfer } from './parting.ts'
import { returnCall } from './ring-outcomes.ts'

/** What the carrier says of a call that asks a telephone. The call's own status is none of its business. */
export function stepLeg(state: CallState, input: LegInput, now: number): Step {
  const leg = legOf(state, input.leg)
  switch (input.type) {
    case 'carrier.accepted':
      return leg?.callSid === null
        ? noteLeg(leg.id, { callSid: input.callSid })(state)
        : unchanged(state)
    case 'carrier.refused':
      // A call that is known was not refused: its webhook was faster than the answer to the order.
      return leg?.callSid === null ? over(state, leg, 'carrier_refused', now) : unchanged(state)
    case 'carrier.absent':
      return leg?.ending === true ? over(state, leg, 'carrier_lost', now) : unchanged(state)
    case 'carrier.lost':
      return leg === undefined ? unchanged(state) : over(state, leg, 'carrier_lost', now)
    case 'carrier.report':
      // Such a word is nobody's, and must not hang up a call that goes on.
      return isOtherOfOurs(state, input.report.callSid, input.leg)
        ? unchanged(state)
        : reported(state, leg, input.report, now)
    case 'carrier.asked':
      return leg?.callSid === input.callSid ? asked(state, leg, input.dial) : unchanged(state)
  }
}

/** As with the first call: late, repeated and reordered reports say that it has been at least here. */
function reported(
  before: CallState,
  known: SecondLeg | undefined,
  { callSid, status, rejected }: CarrierReport,
  now: number,
): Step {
  const live = liveStatuses.has(status)
  // One that nobody asked for, or was given up: it alone is ended.
  if (known === undefined || (known.callSid !== null && known.callSid !== callSid))
    return live ? order({ type: 'carrier.hangup', callSid })(before) : unchanged(before)
  const leg = { ...known, callSid }
  const state = known.callSid === null ? noteLeg(leg.id, leg)(before).state : before
  if (!live) return over(state, leg, reasonOf(status, rejected), now)
  return status === 'in-progress' ? answered(state, leg, now) : unchanged(state)
}

function reasonOf(status: CarrierStatus, rejected: boolean): EndReason {
  switch (status) {
    case 'busy':
      return rejected ? 'rejected' : 'busy'
    case 'no-answer':
      return 'no_answer'
    case 'failed':
      return 'carrier_failed'
    case 'canceled':
      return 'carrier_canceled'
  }
  return 'remote_hangup'
}

/** The telephone was answered: now it is asked, or has the call where whoever wanted to ask has gone. */
function answered(state: CallState, leg: SecondLeg, now: number): Step {
  const { transfer } = state
  if (leg.answered || leg.ending) return unchanged(state)
  if (transfer?.leg !== leg.id) return dropLeg(leg.id)(state)
  const there = chain(
    state,
    noteLeg(leg.id, { answered: true }),
    effects({ type: 'timer.cancel', name: 'consult' }),
    join(({ id }) => id === leg.participantId, now),
  )
  if (transfer.mode === 'blind') return chainOn(there, completeTransfer(now))
  return chainOn(
    there,
    having({ transfer: { ...transfer, stage: 'consulting' } }),
    updated({ transfer: 'consulting' }),
  )
}

/** A leg is over at the carrier; what it was there for ends, or has ended before. */
function over(state: CallState, leg: SecondLeg, why: EndReason, now: number): Step {
  const { participantId } = leg
  // The same telephone may be asked anew by now.
  const isAskedAnew = legsOf(state).some(
    (one) => one.id !== leg.id && one.participantId === participantId && !one.ending,
  )
  const left = chain(
    state,
    forgetLeg(leg.id),
    ...(isAskedAnew ? [] : [leave(({ id }) => id === participantId, now)]),
  )
  if (leg.ending || hasEnded(state) || state.leg.hangup !== null) return left
  if (state.transfer?.leg === leg.id)
    return chainOn(
      left,
      effects({ type: 'timer.cancel', name: 'consult' }),
      note(participantId, { entry: 'none' }),
      consultFailed(leg.answered ? 'canceled' : 'failed', why, now),
    )
  return state.leg.connectedTo === participantId
    ? chainOn(left, redirect, letGo('remote_hangup', now))
    : left
}

/** The call goes back to whoever wanted to hand it over. */
const consultFailed =
  (how: 'failed' | 'canceled', reason: EndReason, now: number): Move =>
  (state) => {
    if (state.transfer?.mode === 'blind') return returnCall(now, reason)(state)
    return chain(
      state,
      having({ transfer: null }),
      updated({ transfer: how, reason }),
      talk(now),
      redirect,
      redirectLegs,
    )
  }

/** The carrier's own time-out, and its silence, have had their time. */
export function consultTimeout(state: CallState, now: number): Step {
  const leg = legOf(state, state.transfer?.leg ?? '')
  if (leg === undefined || leg.answered || hasEnded(state) || state.leg.hangup !== null)
    return unchanged(state)
  return chain(state, dropLeg(leg.id), consultFailed('failed', 'ring_timeout', now))
}

/** The device of who asks was not there for the carrier: it is not dialled again until the next redirect. */
function asked(state: CallState, leg: SecondLeg, dial: DialOutcome | null): Step {
  const { transfer } = state
  if (dial === null || transfer?.leg !== leg.id || dial.participantId !== transfer.by)
    return unchanged(state)
  const isMissing = ['busy', 'no-answer', 'failed', 'canceled'].includes(dial.status)
  return isMissing && leg.connects ? noteLeg(leg.id, { connects: false })(state) : unchanged(state)
}

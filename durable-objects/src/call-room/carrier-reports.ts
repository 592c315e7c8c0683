import { end, endBothSides, endHungUp, hangUp, letGo, statusHungUp } from './call-end.ts'
import {
  type CarrierReport,
  type CarrierStatus,
  type DialOutcome,
  liveStatuses,
} from './call-inputs.ts'
import type { Step } from './call-outputs.ts'
import {
  answeredAt,
  chain,
  chainOn,
  effects,
  enter,
  hasEnded,
  having,
  limit,
  type Move,
  order,
  talk,
  unchanged,
  updated,
} from './call-phase.ts'
import type { CallState, EndReason } from './call-types.ts'
import { proceed, said } from './flow-run.ts'
import { isOtherOfOurs, legsOf } from './legs.ts'
import { CARRIER_CHECK_MS, CARRIER_SILENCE_MS } from './limits.ts'
import { join } from './participants.ts'
import { returnCall } from './ring-outcomes.ts'
import { connect } from './ringing.ts'

/** The carrier took our order to dial. */
export function placed(state: CallState, callSid: string): Step {
  if (state.leg.callSid !== null) return unchanged(state)
  return unchanged({ ...state, leg: { ...state.leg, callSid } })
}

/** Webhooks come late, twice and out of order: each is read as "the call has been at least here". */
export function reported(state: CallState, report: CarrierReport, now: number): Step {
  const live = liveStatuses.has(report.status)
  if (state.details.direction === 'internal') return unchanged(state)
  if (state.leg.callSid !== null && state.leg.callSid !== report.callSid) {
    // A second call to the same person, which nobody asked for: end it, and it alone.
    const isStray = live && !isOtherOfOurs(state, report.callSid)
    return isStray ? order(hangupOrder(report.callSid))(state) : unchanged(state)
  }
  const known = placed(state, report.callSid).state
  if (hasEnded(known)) {
    // The room gave the call up but the carrier goes on: what has ended here must end there.
    const goesOn = live && endedHere.has(known.phase.reason)
    return goesOn ? order(hangupOrder(null))(known) : unchanged(known)
  }
  return known.details.direction === 'inbound'
    ? incoming(known, report.status, now)
    : outgoing(known, report, now)
}

/** Reasons for which the room ended a call by itself. */
const endedHere: ReadonlySet<EndReason> = new Set([
  'hangup',
  'time_limit',
  'ring_timeout',
  'rejected',
  'carrier_silent',
  'carrier_lost',
  'transfer_failed',
  'participant_left',
  'queue_missing',
  'no_flow',
  'flow_ended',
])

function outgoing(state: CallState, report: CarrierReport, now: number): Step {
  switch (report.status) {
    case 'queued':
    case 'initiated':
      return unchanged(state)
    case 'ringing':
      return rings(state, now)
    case 'in-progress':
      return answered(state, now)
    case 'completed':
      return completed(state, report, now)
    case 'busy':
      return endedByCarrier(state, 'busy', report.rejected ? 'rejected' : 'busy', now)
    case 'no-answer':
      return endedByCarrier(state, 'no-answer', 'no_answer', now)
    case 'canceled':
      return endedByCarrier(state, 'canceled', 'carrier_canceled', now)
    case 'failed':
      return end('failed', 'carrier_failed', now)(state)
  }
}

/** The carrier has answered an incoming call from the first moment: only its end says anything. */
function incoming(state: CallState, status: CarrierStatus, now: number): Step {
  if (liveStatuses.has(status)) return unchanged(state)
  if (state.leg.hangup !== null) return endHungUp(now)(state)
  if (answeredAt(state.phase) !== null) return end('completed', 'remote_hangup', now)(state)
  return status === 'failed'
    ? end('failed', 'carrier_failed', now)(state)
    : end('canceled', 'abandoned', now)(state)
}

function rings(state: CallState, now: number): Step {
  if (state.phase.status !== 'queued') return unchanged(state)
  const due = state.details.createdAt + state.details.ringTimeoutSeconds * 1000
  return chain(
    state,
    effects(
      { type: 'timer.cancel', name: 'carrier-silent' },
      // The timer may have found the call still queued; a phone that rings late rings no longer than that grace.
      { type: 'timer.set', name: 'ring-timeout', at: now < due ? due : due + CARRIER_SILENCE_MS },
    ),
    enter({ status: 'ringing', ringingAt: now }),
  )
}

function answered(state: CallState, now: number): Step {
  if (state.phase.status !== 'queued' && state.phase.status !== 'ringing') return unchanged(state)
  return chain(
    state,
    join((one) => one.kind === 'phone' && one.address === state.details.to, now),
    effects(
      { type: 'timer.cancel', name: 'ring-timeout' },
      { type: 'timer.cancel', name: 'carrier-silent' },
      { type: 'timer.set', name: 'carrier-check', at: now + CARRIER_CHECK_MS },
    ),
    limit(now),
    talk(now),
    ...(state.leg.hangup === null ? [connectOurs, proceed(now)] : []),
  )
}

/**
 * Whom the phone shall hear where a flow has nothing else to say: the agent whom the call was made for, or else who made it;
 * of them whoever is there.
 */
const connectOurs: Move = (state) => {
  const users = state.participants.filter(({ kind }) => kind === 'user')
  const agent = users.find(({ address }) => address === state.agentId)
  const ours = agent === undefined ? users : [agent, ...users]
  const one = ours.find((user) => user.state === 'joined') ?? ours[0]
  return one === undefined ? unchanged(state) : connect(one.id)(state)
}

/** `completed` says that the call was answered, except where we hung up first: then nobody may have picked up. */
function completed(state: CallState, report: CarrierReport, now: number): Step {
  const reason = state.leg.hangup?.reason ?? 'remote_hangup'
  if (answeredAt(state.phase) !== null) return end('completed', reason, now)(state)
  const talkedMs = (report.durationSeconds ?? 0) * 1000
  if (state.leg.hangup !== null && talkedMs === 0)
    return end(statusHungUp(state), reason, now)(state)
  // The webhook of the answer was lost, or is still under way.
  const at = Math.max(state.details.createdAt, now - talkedMs)
  return end('completed', reason, now, at)(state)
}

/** An answered call cannot turn busy or unanswered any more: that it ended is all there is to learn. */
function endedByCarrier(
  state: CallState,
  status: 'busy' | 'no-answer' | 'canceled',
  reason: EndReason,
  now: number,
): Step {
  const hungUp = state.leg.hangup?.reason
  if (answeredAt(state.phase) !== null)
    return end('completed', hungUp ?? 'remote_hangup', now)(state)
  return end(status, status === 'canceled' && hungUp ? hungUp : reason, now)(state)
}

/** The voice webhook was told what is next, or says how the last instruction went. */
export function asked(
  state: CallState,
  { callSid, dial }: { callSid: string; dial: DialOutcome | null },
  now: number,
): Step {
  if (hasEnded(state)) return unchanged(state)
  const known = state.details.direction === 'outbound' ? placed(state, callSid).state : state
  if (known.leg.callSid !== callSid) return unchanged(state)
  if (dial !== null) return dialed(known, dial, now)
  // A carrier asks once somebody has answered: its report of that may come later, or never.
  return known.details.direction === 'outbound' ? chainOn(answered(known, now), said) : said(known)
}

function dialed(state: CallState, { participantId, status }: DialOutcome, now: number): Step {
  const { transfer, flow, leg } = state
  if (leg.hangup !== null) return unchanged(state)
  const isTransfer =
    transfer?.mode === 'blind' &&
    transfer.toPhone &&
    transfer.leg === undefined &&
    transfer.target === participantId
  const isFlow = transfer === null && flow?.dialing === participantId
  const goesOn = status === 'answered' || status === 'in-progress'
  if (isTransfer || isFlow) {
    if (!goesOn && status !== 'completed')
      return isTransfer ? returnCall(now)(state) : proceed(now)(state)
    const joined = chain(
      state,
      join(({ id }) => id === participantId, now),
      having({ transfer: null, flow: flow === null ? null : { ...flow, dialing: null } }),
      connect(participantId),
      ...(isTransfer ? [updated({ transfer: 'completed' })] : []),
      ...(answeredAt(state.phase) === null ? [limit(now)] : []),
      talk(now),
    )
    return goesOn ? joined : chainOn(joined, letGo('remote_hangup', now))
  }
  if (leg.connectedTo !== participantId || goesOn) return unchanged(state)
  const other = state.participants.find(({ id }) => id === participantId)
  // A phone that was connected has hung up; a browser may only be loading its page again.
  if (other?.kind === 'phone') return letGo('remote_hangup', now)(state)
  return status === 'completed'
    ? unchanged(state)
    : having({ leg: { ...leg, connectedTo: null } })(state)
}

/** The order to dial did not and will not lead to a call. */
export function refused(state: CallState, now: number): Step {
  if (state.leg.callSid !== null) return unchanged(state)
  if (state.leg.hangup !== null) return endHungUp(now)(state)
  return end('failed', 'carrier_refused', now)(state)
}

/** The carrier has been asked about nothing for long. */
export function carrierCheck(state: CallState, now: number): Step {
  if (hasEnded(state)) return unchanged(state)
  return chain(
    state,
    effects({ type: 'timer.set', name: 'carrier-check', at: now + CARRIER_CHECK_MS }),
    order({ type: 'carrier.check' }),
    ...legsOf(state)
      .filter(({ answered, ending }) => answered && !ending)
      .map(({ id }) => order({ type: 'carrier.check', leg: id })),
  )
}

/** The phone rang for long enough. */
export function ringTimeout(state: CallState, now: number): Step {
  // A call that is still queued waits for `carrier-silent`: the phone has never rung.
  if (state.phase.status !== 'ringing' || state.leg.hangup !== null) return unchanged(state)
  return chain(state, end('no-answer', 'ring_timeout', now), order(hangupOrder(null)))
}

/** The carrier never said that the phone rings. */
export function carrierSilent(state: CallState, now: number): Step {
  // A call that is hung up waits for `hangup-confirm`, whatever the carrier has not said before.
  if (state.phase.status !== 'queued' || state.leg.hangup !== null) return unchanged(state)
  return chain(state, end('failed', 'carrier_silent', now), order(hangupOrder(null)))
}

/** No call is longer. One that should have ended by itself is ended for good. */
export function timeLimit(state: CallState, now: number): Step {
  const { hangup } = state.leg
  if (hangup === null) return hangUp('time_limit', now)(state)
  return endBothSides(statusHungUp(state), hangup.reason, now)(state)
}

export const hangupOrder = (callSid: string | null) =>
  ({ type: 'carrier.hangup', callSid }) as const

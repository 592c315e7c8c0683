import type { CallStatus, TerminalCallStatus } from '@menagerie/contracts'
import { answeredAt, hasEnded, unchanged } from './call-phase.ts'
import { absent, gone, present } from './call-presence.ts'
import type {
  CallDetails,
  CallEffect,
  CallInput,
  CallJournalEvent,
  CallPhase,
  CallState,
  CarrierReport,
  EndReason,
  Step,
} from './call-types.ts'
import { invite, join, leave } from './participants.ts'

/** How much longer than the ring timeout a carrier may say nothing of the phone ringing. */
export const CARRIER_SILENCE_MS = 5_000
/** How long the carrier has to confirm a hang-up. */
export const HANGUP_CONFIRM_MS = 5_000
/** How often the carrier is asked about an answered call, since the webhook that ends it may be lost. */
export const CARRIER_CHECK_MS = 120_000
/** No call is longer: with it every call ends, whatever the carrier does. Twilio's own default limit. */
export const TIME_LIMIT_MS = 4 * 60 * 60_000

/** A new call: the carrier is ordered to dial, and its silence is bounded from the first moment. */
export function begin(details: CallDetails): Step {
  const { id: _, startedBy, createdAt, direction, from, to, queueId, agentId } = details
  const ringUntil = createdAt + details.ringTimeoutSeconds * 1000
  return order(
    {
      state: {
        details,
        phase: { status: 'queued' },
        leg: { callSid: null, orders: 0, hangup: null },
        participants: invite(startedBy, agentId, to),
      },
      events: [
        { type: 'call.created', data: { direction, from, to, queueId, agentId, status: 'queued' } },
      ],
      effects: [
        { type: 'timer.set', name: 'ring-timeout', at: ringUntil },
        { type: 'timer.set', name: 'carrier-silent', at: ringUntil + CARRIER_SILENCE_MS },
      ],
    },
    { type: 'carrier.place' },
  )
}

/**
 * The rules of a call: plain data in, plain data out. A status only moves forward, through
 * `queued → ringing → in-progress ⇄ on-hold`, and into exactly one terminal status, which is always the last event.
 *
 * @param now milliseconds since the epoch
 */
export function step(state: CallState, input: CallInput, now: number): Step {
  switch (input.type) {
    case 'carrier.accepted':
      return accepted(state, input.callSid)
    case 'carrier.refused':
      if (state.leg.callSid !== null) return unchanged(state)
      if (state.leg.hangup !== null) return endHungUp(state, now)
      return ended(state, 'failed', 'carrier_refused', now)
    case 'carrier.absent':
      return state.leg.hangup === null ? unchanged(state) : endHungUp(state, now)
    case 'carrier.lost':
      return ended(state, 'failed', 'carrier_lost', now)
    case 'carrier.report':
      return reported(state, input.report, now)
    case 'hangup':
      return hangUp(state, 'hangup', now)
    case 'user.present':
      return present(state, input.userId, now)
    case 'user.absent':
      return absent(state, input.userId, now)
    case 'timer.ring-timeout':
      return ringTimeout(state, now)
    case 'timer.carrier-silent':
      // A call that is hung up waits for `hangup-confirm`, whatever the carrier has not said before.
      if (state.phase.status !== 'queued' || state.leg.hangup !== null) return unchanged(state)
      return order(ended(state, 'failed', 'carrier_silent', now), hangupOrder(null))
    case 'timer.hangup-confirm':
      return state.leg.hangup === null ? unchanged(state) : endHungUp(state, now)
    case 'timer.carrier-check':
      return carrierCheck(state, now)
    case 'timer.time-limit':
      return hangUp(state, 'time_limit', now)
    case 'timer.gone':
      return gone(state, input.participantId, input.present, now)
  }
}

function accepted(state: CallState, callSid: string): Step {
  if (state.leg.callSid !== null) return unchanged(state)
  return unchanged({ ...state, leg: { ...state.leg, callSid } })
}

/** Webhooks come late, twice and out of order: each is read as "the call has been at least here". */
function reported(state: CallState, report: CarrierReport, now: number): Step {
  const live = liveWords.has(report.status)
  if (state.leg.callSid !== null && state.leg.callSid !== report.callSid) {
    // A second call to the same person, which nobody asked for: end it, and it alone.
    return live ? order(unchanged(state), hangupOrder(report.callSid)) : unchanged(state)
  }
  const known = accepted(state, report.callSid).state
  if (hasEnded(known)) {
    // The room gave the call up but the carrier goes on: what has ended here must end there.
    const goesOn = live && endedHere.has(known.phase.reason)
    return goesOn ? order(unchanged(known), hangupOrder(null)) : unchanged(known)
  }
  switch (report.status) {
    case 'queued':
    case 'initiated':
      return unchanged(known)
    case 'ringing':
      return rings(known, now)
    case 'in-progress':
      return answered(known, now)
    case 'completed':
      return completed(known, report, now)
    case 'busy':
      return endedByCarrier(known, 'busy', report.rejected ? 'rejected' : 'busy', now)
    case 'no-answer':
      return endedByCarrier(known, 'no-answer', 'no_answer', now)
    case 'canceled':
      return endedByCarrier(known, 'canceled', 'carrier_canceled', now)
    case 'failed':
      return ended(known, 'failed', 'carrier_failed', now)
  }
}

const liveWords: ReadonlySet<CarrierReport['status']> = new Set([
  'queued',
  'initiated',
  'ringing',
  'in-progress',
])

/** Reasons for which the room ended a call by itself. */
const endedHere: ReadonlySet<EndReason> = new Set([
  'hangup',
  'time_limit',
  'ring_timeout',
  'carrier_silent',
  'carrier_lost',
])

function rings(state: CallState, now: number): Step {
  if (state.phase.status !== 'queued') return unchanged(state)
  const due = state.details.createdAt + state.details.ringTimeoutSeconds * 1000
  return move(
    state,
    { status: 'ringing', ringingAt: now },
    [],
    [
      { type: 'timer.cancel', name: 'carrier-silent' },
      // The timer may have found the call still queued; a phone that rings late rings no longer than that grace.
      { type: 'timer.set', name: 'ring-timeout', at: now < due ? due : due + CARRIER_SILENCE_MS },
    ],
  )
}

function answered(state: CallState, now: number): Step {
  if (state.phase.status !== 'queued' && state.phase.status !== 'ringing') return unchanged(state)
  const { participants, events } = join(state.participants, isCallee(state), now)
  return move(
    { ...state, participants },
    { status: 'in-progress', answeredAt: now, heldMs: 0 },
    events,
    [
      { type: 'timer.cancel', name: 'ring-timeout' },
      { type: 'timer.cancel', name: 'carrier-silent' },
      { type: 'timer.set', name: 'carrier-check', at: now + CARRIER_CHECK_MS },
      { type: 'timer.set', name: 'time-limit', at: now + TIME_LIMIT_MS },
    ],
  )
}

/** `completed` says that the call was answered, except where we hung up first: then nobody may have picked up. */
function completed(state: CallState, report: CarrierReport, now: number): Step {
  const reason = state.leg.hangup?.reason ?? 'remote_hangup'
  if (answeredAt(state.phase) !== null) return ended(state, 'completed', reason, now)
  const talkedMs = (report.durationSeconds ?? 0) * 1000
  if (state.leg.hangup !== null && talkedMs === 0) return ended(state, 'canceled', reason, now)
  // The webhook of the answer was lost, or is still under way.
  const at = Math.max(state.details.createdAt, now - talkedMs)
  return ended(state, 'completed', reason, now, at)
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
    return ended(state, 'completed', hungUp ?? 'remote_hangup', now)
  return ended(state, status, status === 'canceled' && hungUp ? hungUp : reason, now)
}

/** Asks the carrier to end the call; where it does not confirm in time, the room ends the call by itself. */
function hangUp(state: CallState, reason: 'hangup' | 'time_limit', now: number): Step {
  if (hasEnded(state) || state.leg.hangup !== null) return unchanged(state)
  const leg = { ...state.leg, hangup: { reason, at: now } }
  const timer: CallEffect = {
    type: 'timer.set',
    name: 'hangup-confirm',
    at: now + HANGUP_CONFIRM_MS,
  }
  return order({ state: { ...state, leg }, events: [], effects: [timer] }, hangupOrder(null))
}

function endHungUp(state: CallState, now: number): Step {
  const reason = state.leg.hangup?.reason ?? 'hangup'
  const status = answeredAt(state.phase) === null ? 'canceled' : 'completed'
  return ended(state, status, reason, now)
}

function ringTimeout(state: CallState, now: number): Step {
  // A call that is still queued waits for `carrier-silent`: the phone has never rung.
  if (state.phase.status !== 'ringing' || state.leg.hangup !== null) return unchanged(state)
  return order(ended(state, 'no-answer', 'ring_timeout', now), hangupOrder(null))
}

function carrierCheck(state: CallState, now: number): Step {
  if (hasEnded(state)) return unchanged(state)
  const again: CallEffect = {
    type: 'timer.set',
    name: 'carrier-check',
    at: now + CARRIER_CHECK_MS,
  }
  return order({ ...unchanged(state), effects: [again] }, { type: 'carrier.check' })
}

/** Ends a call that has not ended: everybody leaves, the status is the last event, no timer stays. */
function ended(
  state: CallState,
  status: TerminalCallStatus,
  reason: EndReason,
  now: number,
  answered = answeredAt(state.phase),
): Step {
  if (hasEnded(state)) return unchanged(state)
  const { phase } = state
  const heldMs =
    (phase.status === 'on-hold' ? now - phase.heldAt : 0) + ('heldMs' in phase ? phase.heldMs : 0)
  const { participants, events } = leave(state.participants, () => true, now)
  const timers = [
    'ring-timeout',
    'carrier-silent',
    'hangup-confirm',
    'carrier-check',
    'time-limit',
    ...participants.filter(({ kind }) => kind === 'user').map(({ id }) => `gone:${id}`),
  ]
  return move(
    { ...state, participants },
    { status, reason, answeredAt: answered, heldMs, endedAt: now },
    events,
    timers.map((name) => ({ type: 'timer.cancel', name })),
  )
}

/** Moves to another status; the event of the status comes last. */
function move(
  state: CallState,
  phase: CallPhase,
  events: readonly CallJournalEvent[],
  effects: readonly CallEffect[],
): Step {
  const previousStatus: CallStatus = state.phase.status
  const status: CallStatus = phase.status
  const reason = 'reason' in phase ? { reason: phase.reason } : {}
  return {
    state: { ...state, phase },
    events: [...events, { type: 'call.status', data: { status, previousStatus, ...reason } }],
    effects,
  }
}

/** Adds an order for the carrier, with a number of its own. */
function order(before: Step, wanted: Extract<CallEffect, { type: `carrier.${string}` }>): Step {
  const { leg } = before.state
  return {
    ...before,
    state: { ...before.state, leg: { ...leg, orders: leg.orders + 1 } },
    effects: [...before.effects, wanted],
  }
}

const hangupOrder = (callSid: string | null) => ({ type: 'carrier.hangup', callSid }) as const

const isCallee =
  ({ details }: CallState) =>
  (participant: { kind: string; address: string }) =>
    participant.kind === 'phone' && participant.address === details.to

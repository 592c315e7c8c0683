import type { TerminalCallStatus } from '@menagerie/contracts'
import type { Step } from './call-outputs.ts'
import {
  answeredAt,
  chain,
  effects,
  enter,
  hasEnded,
  hasLeg,
  having,
  type Move,
  order,
  unchanged,
} from './call-phase.ts'
import type { CallState, EndReason } from './call-types.ts'
import { dropLegs } from './legs.ts'
import { leave } from './participants.ts'
import { stopRing } from './ringing.ts'
import { withdraw } from './waiting.ts'

/** How long the carrier has to confirm a hang-up. */
export const HANGUP_CONFIRM_MS = 5_000
/** How long it has to carry out its last instructions, beside what it has to say. */
export const LAST_WORDS_MS = 15_000

/** The one way to an end: everybody leaves, the status is the last event, no timer stays. An ended call stays as it is. */
export const end =
  (status: TerminalCallStatus, reason: EndReason, now: number, answered?: number | null): Move =>
  (state) => {
    if (hasEnded(state)) return unchanged(state)
    const { phase } = state
    const heldMs =
      (phase.status === 'on-hold' ? Math.max(0, now - phase.heldAt) : 0) +
      ('heldMs' in phase ? phase.heldMs : 0)
    const at = answered === undefined ? answeredAt(phase) : answered
    const timers = [
      'ring-timeout',
      'carrier-silent',
      'hangup-confirm',
      'carrier-check',
      'time-limit',
      'consult',
    ]
    return chain(
      state,
      stopRing(status),
      withdraw(byCustomer.has(reason) ? 'abandoned' : 'ended'),
      having({ transfer: null }),
      dropLegs,
      leave(() => true, now),
      effects(...timers.map((name) => ({ type: 'timer.cancel', name }) as const)),
      enter({ status, reason, answeredAt: at, heldMs, endedAt: now }),
    )
  }

/** Reasons that say that the customer went. */
const byCustomer: ReadonlySet<EndReason> = new Set([
  'abandoned',
  'remote_hangup',
  'participant_left',
])

/** Ends the call here, and at the carrier where that has it. */
export const endBothSides =
  (status: TerminalCallStatus, reason: EndReason, now: number): Move =>
  (state) => {
    if (hasEnded(state)) return unchanged(state)
    return hasLeg(state)
      ? chain(state, end(status, reason, now), order({ type: 'carrier.hangup', callSid: null }))
      : end(status, reason, now)(state)
  }

/**
 * Asks the carrier to end the call; where it does not confirm in time, the room ends the call by itself. Between
 * browsers there is nobody to ask.
 */
export const hangUp =
  (reason: EndReason, now: number): Move =>
  (state) => {
    if (hasEnded(state) || isOrdered(state)) return unchanged(state)
    const hungUp = having({ leg: { ...state.leg, hangup: { reason, at: now } } })
    if (!hasLeg(state)) return chain(state, hungUp, endHungUp(now))
    return chain(
      state,
      hungUp,
      effects({ type: 'timer.set', name: 'hangup-confirm', at: now + HANGUP_CONFIRM_MS }),
      order({ type: 'carrier.hangup', callSid: null }),
      dropLegs,
    )
  }

/** The carrier is to end the call by its next instructions, which may say a word before. */
export const letGo =
  (reason: EndReason, now: number, wordsMs = 0): Move =>
  (state) => {
    if (hasEnded(state) || state.leg.hangup !== null) return unchanged(state)
    const hungUp = having({ leg: { ...state.leg, hangup: { reason, at: now } } })
    if (!hasLeg(state)) return chain(state, hungUp, endHungUp(now))
    const at = now + LAST_WORDS_MS + wordsMs
    return chain(state, hungUp, effects({ type: 'timer.set', name: 'hangup-confirm', at }))
  }

/** The carrier did not confirm the end in time. */
export function unconfirmed(state: CallState, now: number): Step {
  const { hangup } = state.leg
  if (hangup === null) return unchanged(state)
  return isOrdered(state)
    ? endHungUp(now)(state)
    : endBothSides(statusHungUp(state), hangup.reason, now)(state)
}

/** Whether the carrier was ordered to hang up; where it was let go, it may take its time to speak. */
const isOrdered = ({ leg }: CallState): boolean =>
  leg.hangup?.reason === 'hangup' || leg.hangup?.reason === 'time_limit'

/** Ends a call that was asked to end. */
export const endHungUp =
  (now: number): Move =>
  (state) => {
    const reason = state.leg.hangup?.reason ?? 'hangup'
    return end(statusHungUp(state), reason, now)(state)
  }

/** With which status a call ends that was asked to. */
export function statusHungUp({ leg, phase }: CallState): TerminalCallStatus {
  if (answeredAt(phase) !== null) return 'completed'
  if (leg.hangup?.reason === 'queue_missing') return 'failed'
  return leg.hangup?.reason === 'flow_ended' ? 'completed' : 'canceled'
}

import { accepted, queueMissing } from './acceptance.ts'
import { end, endHungUp, hangUp, unconfirmed } from './call-end.ts'
import type { CallInput, LegInput } from './call-inputs.ts'
import type { Step } from './call-outputs.ts'
import { chain, unchanged, updated } from './call-phase.ts'
import { absent, gone, present } from './call-presence.ts'
import type { CallState } from './call-types.ts'
import {
  asked,
  carrierCheck,
  carrierSilent,
  placed,
  refused,
  reported,
  ringTimeout,
  timeLimit,
} from './carrier-reports.ts'
import { consultTimeout, stepLeg } from './leg-reports.ts'
import { update } from './participants.ts'
import { ringFailed } from './ring-outcomes.ts'
import { rang } from './ringing.ts'

export { begin, receive } from './call-begin.ts'
export { obey } from './call-commands.ts'

/**
 * The rules of a call: plain data in, plain data out. A status only moves forward, through
 * `queued → ringing → in-progress ⇄ on-hold`, and into exactly one terminal status; after that nothing but
 * `call.updated` is told.
 *
 * @param now milliseconds since the epoch
 */
export function step(state: CallState, input: CallInput, now: number): Step {
  if (isOfLeg(input)) return stepLeg(state, input, now)
  switch (input.type) {
    case 'carrier.accepted':
      return placed(state, input.callSid)
    case 'carrier.refused':
      return refused(state, now)
    case 'carrier.absent':
      return state.leg.hangup === null ? unchanged(state) : endHungUp(now)(state)
    case 'carrier.lost':
      return end('failed', 'carrier_lost', now)(state)
    case 'carrier.report':
      return reported(state, input.report, now)
    case 'carrier.asked':
      return asked(state, input, now)
    case 'hangup':
      return hangUp('hangup', now)(state)
    case 'user.present':
      return present(state, input.userId, input.connectionId, now)
    case 'user.absent':
      return absent(state, input.userId, now)
    case 'device.changed':
      return deviceChanged(state, input.participantId, input.connectionId)
    case 'desk.rang':
      return rang(state, input.number, input.devices, now)
    case 'queue.missing':
      return queueMissing(state, input.offer, now)
    case 'agent.accepted':
      return accepted(state, input.acceptance, now)
    case 'work.done':
      return worked(state, input.agentId, input.seconds)
    case 'timer.ring-timeout':
      return ringTimeout(state, now)
    case 'timer.user-ring':
      return ringFailed(state, 'timeout', now)
    case 'timer.consult':
      return consultTimeout(state, now)
    case 'timer.carrier-silent':
      return carrierSilent(state, now)
    case 'timer.hangup-confirm':
      return unconfirmed(state, now)
    case 'timer.carrier-check':
      return carrierCheck(state, now)
    case 'timer.time-limit':
      return timeLimit(state, now)
    case 'timer.gone':
      return gone(state, input.participantId, input.present, now)
  }
}

const isOfLeg = (input: CallInput): input is LegInput => 'leg' in input && input.leg !== undefined

function deviceChanged(state: CallState, participantId: string, connectionId: string): Step {
  const one = state.participants.find(({ id }) => id === participantId)
  return one?.state === 'joined' ? update(one.id, { connectionId })(state) : unchanged(state)
}

/** After-contact work of one agent; told twice, the longer counts. */
function worked(state: CallState, agentId: string, seconds: number): Step {
  const isOfCall = state.participants.some(({ address }) => address === agentId)
  if (!isOfCall || (state.work[agentId] ?? -1) >= seconds) return unchanged(state)
  const work = { ...state.work, [agentId]: seconds }
  const afterContactWorkSeconds = Object.values(work).reduce((sum, one) => sum + one, 0)
  return chain({ ...state, work }, updated({ afterContactWorkSeconds }))
}

import { endBothSides, letGo } from './call-end.ts'
import type { AgentAcceptance, Refusal } from './call-inputs.ts'
import type { Step } from './call-outputs.ts'
import {
  answeredAt,
  chain,
  chainOn,
  hasEnded,
  hasLeg,
  having,
  limit,
  redirect,
  talk,
  unchanged,
  updated,
} from './call-phase.ts'
import type { CallState } from './call-types.ts'
import { join, letIn } from './participants.ts'
import { connect } from './ringing.ts'

/** Why an agent cannot have the contact; of two who take it one wins. */
export function refuseAcceptance(
  state: CallState,
  { offer, queueId, reservationId }: AgentAcceptance,
): Refusal | undefined {
  const { contact, leg } = state
  const isRepeat = contact?.offer === offer && contact.reservationId === reservationId
  if (isRepeat) return undefined
  const waits = contact?.waits === true && contact.offer === offer && contact.queueId === queueId
  if (waits && leg.hangup === null && !hasEnded(state)) return undefined
  return { code: 'conflict', detail: 'The contact does not wait any more' }
}

/** An agent has the contact. What repeats, or comes too late, changes nothing. */
export function accepted(state: CallState, acceptance: AgentAcceptance, now: number): Step {
  const { contact } = state
  if (contact === null || !contact.waits || refuseAcceptance(state, acceptance) !== undefined)
    return unchanged(state)
  const { agentId, queueId, reservationId } = acceptance
  const asked = letIn(state, { kind: 'user', address: agentId, entry: 'socket' })
  return chain(
    asked.state,
    having({
      agentId,
      transfer: null,
      contact: { ...contact, acceptedAt: now, reservationId, waits: false },
    }),
    join(({ id }) => id === asked.id, now, { queueId, seen: false }),
    updated({ agentId }),
    connect(asked.id),
    ...(answeredAt(state.phase) === null ? [limit(now)] : []),
    talk(now),
    redirect,
  )
}

/** There is no such queue: the caller is told so, and the call ends. */
export function queueMissing(state: CallState, offer: number, now: number): Step {
  const { contact } = state
  if (contact === null || !contact.waits || contact.offer !== offer) return unchanged(state)
  const gone = chain(state, having({ contact: { ...contact, waits: false } }))
  if (!hasLeg(state) || state.leg.callSid === null) {
    const status = answeredAt(state.phase) === null ? 'failed' : 'completed'
    return chainOn(gone, endBothSides(status, 'queue_missing', now))
  }
  return chainOn(gone, redirect, letGo('queue_missing', now))
}

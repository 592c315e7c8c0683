import type { FlowStep } from '@menagerie/contracts'
import { end } from './call-end.ts'
import type { Step } from './call-outputs.ts'
import { chainOn, effects, type Move, order } from './call-phase.ts'
import type { CallDetails, CallState } from './call-types.ts'
import { flowOf, proceed } from './flow-run.ts'
import { CARRIER_CHECK_MS, CARRIER_SILENCE_MS, TIME_LIMIT_MS } from './limits.ts'
import { invite, invited, join } from './participants.ts'
import { startRing } from './ringing.ts'

/** A new call of ours: the carrier is ordered to dial, or the other's devices to ring; both are bounded from here. */
export function begin(details: CallDetails, flow: readonly FlowStep[] | null = null): Step {
  const { startedBy, agentId, to, createdAt } = details
  const ringUntil = createdAt + details.ringTimeoutSeconds * 1000
  const state = fresh(details, invite(startedBy ?? '', agentId, to), flow)
  if (details.direction === 'internal')
    return chainOn(created(state), startRing(to.slice('user:'.length), 'callee', ringUntil))
  return chainOn(
    created(state),
    effects(
      { type: 'timer.set', name: 'ring-timeout', at: ringUntil },
      { type: 'timer.set', name: 'carrier-silent', at: ringUntil + CARRIER_SILENCE_MS },
    ),
    order({ type: 'carrier.place' }),
  )
}

/** A call that came in at the carrier, which has answered it already: its flow begins. */
export function receive(
  details: CallDetails,
  callSid: string,
  flow: readonly FlowStep[] | null,
): Step {
  const { createdAt, from } = details
  const caller = invited('p1', { kind: 'phone', address: from, entry: 'answer' })
  const { leg, ...rest } = fresh(details, [caller], flow)
  const arrived = chainOn(
    created({ ...rest, leg: { ...leg, callSid } }),
    join(() => true, createdAt),
  )
  // The answer to the webhook that told us of the call hangs it up.
  if (flow === null) return chainOn(arrived, end('failed', 'no_flow', createdAt))
  return chainOn(arrived, bounds(createdAt), proceed(createdAt))
}

const bounds = (now: number): Move =>
  effects(
    { type: 'timer.set', name: 'carrier-check', at: now + CARRIER_CHECK_MS },
    { type: 'timer.set', name: 'time-limit', at: now + TIME_LIMIT_MS },
  )

const fresh = (
  details: CallDetails,
  participants: CallState['participants'],
  flow: readonly FlowStep[] | null,
): CallState => ({
  details,
  phase: { status: 'queued' },
  leg: { callSid: null, orders: 0, hangup: null, connectedTo: null },
  participants,
  agentId: details.agentId,
  ring: null,
  rings: 0,
  flow: flowOf(flow),
  contact: null,
  transfer: null,
  tasks: 0,
  disposition: null,
  notes: null,
  work: {},
})

function created(state: CallState): Step {
  const { direction, from, to, queueId, agentId } = state.details
  const data = { direction, from, to, queueId, agentId, status: 'queued' } as const
  return { state, events: [{ type: 'call.created', data }], effects: [] }
}

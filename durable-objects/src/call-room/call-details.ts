import type { CallDetails } from './call-types.ts'
import type { IncomingCall, StartCommand } from './room-types.ts'

/** Bounds nothing: how long a call that came in rings is its flow's word. */
const INBOUND_RING_SECONDS = 30

/** What a call is that somebody here starts. */
export function startedDetails(
  { id, request, from }: StartCommand,
  startedBy: string,
  now: number,
): CallDetails {
  const { to, queueId = null, agentId = null, record = false, metadata = {} } = request
  return {
    id,
    direction: to.startsWith('user:') ? 'internal' : 'outbound',
    from,
    to,
    queueId,
    agentId,
    startedBy,
    ringTimeoutSeconds: request.ringTimeoutSeconds,
    record,
    metadata,
    createdAt: now,
  }
}

/** What a call is that came in at the carrier. */
export const incomingDetails = ({ id, from, to }: IncomingCall, now: number): CallDetails => ({
  id,
  direction: 'inbound',
  from,
  to,
  queueId: null,
  agentId: null,
  startedBy: null,
  ringTimeoutSeconds: INBOUND_RING_SECONDS,
  record: false,
  metadata: {},
  createdAt: now,
})

import type { EventData, PublishedEventType } from './schemas.ts'

const at = '2026-11-21T10:00:00.000Z'
const callId = '019aa5b8-7c00-7000-8000-000000000001'
const userId = '019aa5b8-7c00-7000-8000-000000000002'
const sessionId = '019aa5b8-7c00-7000-8000-000000000003'
const call = {
  callId,
  direction: 'outbound',
  from: '+12025550100',
  to: '+12025550101',
  agentId: userId,
  queueId: null,
} as const

/** One example of every published type; a test validates each. */
export const eventExamples: { [T in PublishedEventType]: EventData<T> } = {
  'call.created.v1': { ...call, createdAt: at },
  'call.status.changed.v1': {
    ...call,
    status: 'ringing',
    previousStatus: 'queued',
    reason: null,
    changedAt: at,
  },
  'call.ended.v1': {
    ...call,
    status: 'completed',
    reason: 'hangup',
    createdAt: at,
    answeredAt: at,
    endedAt: at,
    talkSeconds: 61,
    holdSeconds: 0,
    durationSeconds: 63,
  },
  'user.registered.v1': { userId, channel: 'sms', registeredAt: at },
  'user.signed-in.v1': { userId, sessionId, clientId: 'menagerie', acr: '1' },
  'user.sign-in.failed.v1': { userId: null, reason: 'invalid_credentials' },
  'session.revoked.v1': {
    userId,
    sessionId,
    reason: 'logout',
    sockets: [{ class: 'CallRoom', name: callId }],
  },
}

import type { EventData, PublishedEventType } from './schemas.ts'

const at = '2026-11-21T10:00:00.000Z'
const callId = '019aa5b8-7c00-7000-8000-000000000001'
const userId = '019aa5b8-7c00-7000-8000-000000000002'
const sessionId = '019aa5b8-7c00-7000-8000-000000000003'
const contact = { callId, queueId: '019aa5b8-7c00-7000-8000-000000000004', offer: 1 } as const
const message = {
  messageId: '019aa5b8-7c00-7000-8000-000000000005',
  conversationId: '019aa5b8-7c00-7000-8000-000000000006',
  channel: 'sms',
  direction: 'outbound',
} as const
const device = { deviceId: 'thermometer-7', ownerId: userId } as const
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
  'message.created.v1': { ...message, from: userId, to: '+12025550101', createdAt: at },
  'message.status.changed.v1': {
    ...message,
    status: 'delivered',
    previousStatus: 'sent',
    reason: null,
    changedAt: at,
  },
  'contact.offered.v1': { ...contact, offeredAt: at },
  'contact.answered.v1': {
    ...contact,
    agentId: userId,
    offeredAt: at,
    answeredAt: at,
    waitSeconds: 7,
  },
  'contact.abandoned.v1': { ...contact, offeredAt: at, abandonedAt: at, waitSeconds: 41 },
  'agent.activity.changed.v1': {
    agentId: userId,
    activity: 'available',
    previousActivity: 'break',
    seconds: 600,
    reason: null,
    changedAt: at,
  },
  'device.presence.changed.v1': {
    ...device,
    state: 'online',
    previousState: 'offline',
    session: 's1',
    changedAt: at,
  },
  'device.activity.changed.v1': {
    ...device,
    deviceName: 'Cellar',
    active: false,
    lastSeenAt: at,
    inactivityTimeoutSeconds: 60,
    changedAt: at,
  },
  'device.telemetry.rolled.v1': {
    ...device,
    stream: 'climate',
    bucket: {
      start: at,
      count: 60,
      values: { temperature: { min: 19.5, max: 21.25, mean: 20.5, count: 60 } },
    },
  },
  'device.command.finished.v1': {
    ...device,
    commandId: '019aa5b8-7c00-7000-8000-000000000007',
    name: 'reboot',
    state: 'SUCCESSFUL',
    error: null,
    createdAt: at,
    sentAt: at,
    finishedAt: at,
  },
  'device.event.v1': {
    ...device,
    name: 'door',
    data: { open: true },
    time: null,
    receivedAt: at,
  },
  'device.rule.triggered.v1': {
    ...device,
    deviceName: 'Cellar',
    rule: { stream: 'climate', field: 'temperature', operator: 'above', threshold: 30 },
    value: 31.5,
    triggeredAt: at,
  },
  'device.message.rejected.v1': {
    deviceId: 'thermometer-7',
    topic: 'v1/devices/thermometer-7/telemetry/climate',
    code: 'malformed_json',
    detail: 'The payload is not JSON',
    payload: '{"values":',
    encoding: 'utf-8',
    bytes: 10,
    receivedAt: at,
  },
  'notification.requested.v1': {
    notificationId: sessionId,
    mailbox: `user:${userId}`,
    deliveryId: `${sessionId}:email`,
    channel: 'email',
    recipient: { userId },
    category: 'device-alert',
    content: { title: 'Cellar is too warm', body: 'temperature is 31.5, above 30' },
    expiresAt: null,
  },
  'notification.status.changed.v1': {
    notificationId: sessionId,
    category: 'device-alert',
    status: 'queued',
    previousStatus: null,
    channels: ['email'],
    reason: null,
    changedAt: at,
  },
  'user.registered.v1': { userId, channel: 'sms', registeredAt: at },
  'user.signed-in.v1': { userId, sessionId, clientId: 'menagerie', acr: '1' },
  'user.sign-in.failed.v1': { userId: null, reason: 'invalid_credentials' },
  'user.role.changed.v1': {
    userId,
    roles: ['agent'],
    previousRoles: ['user'],
    changedBy: userId,
    changedAt: at,
  },
  'audit.recorded.v1': {
    action: 'roles.assigned',
    outcome: 'success',
    actor: { kind: 'user', id: userId },
    target: { kind: 'user', id: userId },
    reason: null,
    detail: { roles: ['agent'] },
  },
  'session.revoked.v1': {
    userId,
    sessionId,
    reason: 'logout',
    sockets: [{ class: 'CallRoom', name: callId }],
  },
  'session.tokens-expired.v1': {
    userId,
    sessionId,
    sockets: [{ class: 'CallRoom', name: callId }],
  },
}

import { z } from '@hono/zod-openapi'

/** Queues between Workers, each with the one Worker that consumes it. */
export const queues = {
  history: 'reports',
  rules: 'notifications',
  deliveries: 'notifications',
  webhooks: 'notifications',
  revocations: 'gateway',
  audit: 'admin',
  'dead-letters': 'admin',
} as const
export type QueueName = keyof typeof queues
export const QueueName = z.enum(Object.keys(queues) as [QueueName, ...QueueName[]])

/** Every event type and the queues it goes to. */
export const eventQueues = {
  'call.created.v1': ['history', 'webhooks'],
  'call.status.changed.v1': ['history', 'rules', 'webhooks'],
  'call.ended.v1': ['history', 'rules', 'webhooks'],
  'message.created.v1': ['history', 'rules', 'webhooks'],
  'message.status.changed.v1': ['history', 'webhooks'],
  'contact.offered.v1': ['history', 'rules'],
  'contact.answered.v1': ['history'],
  'contact.abandoned.v1': ['history', 'rules'],
  'agent.activity.changed.v1': ['history'],
  'device.presence.changed.v1': ['history', 'rules', 'webhooks'],
  'device.activity.changed.v1': ['history', 'rules', 'webhooks'],
  'device.telemetry.rolled.v1': ['history'],
  'device.event.v1': ['history', 'rules', 'webhooks'],
  'device.rule.triggered.v1': ['history', 'rules', 'webhooks'],
  'device.command.finished.v1': ['history', 'webhooks'],
  'device.message.rejected.v1': ['dead-letters'],
  'notification.requested.v1': ['deliveries'],
  'notification.status.changed.v1': ['history', 'webhooks'],
  'user.registered.v1': ['history', 'rules'],
  'user.signed-in.v1': ['history'],
  'user.sign-in.failed.v1': ['history', 'rules'],
  'user.role.changed.v1': ['history'],
  'session.revoked.v1': ['history', 'revocations'],
  'session.tokens-expired.v1': ['revocations'],
  'report.finished.v1': ['rules'],
  'report.failed.v1': ['rules'],
  'audit.recorded.v1': ['audit'],
} as const satisfies Record<string, readonly QueueName[]>
export type EventType = keyof typeof eventQueues
export const EventType = z.enum(Object.keys(eventQueues) as [EventType, ...EventType[]])

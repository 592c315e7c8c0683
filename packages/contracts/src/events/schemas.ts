import { z } from '@hono/zod-openapi'
import { ActivityName } from '../agents.ts'
import { auditFields } from '../audit.ts'
import { RejectionCode } from '../bridge.ts'
import { CallDirection, CallStatus, TerminalCallStatus } from '../calls.ts'
import { MessageChannel, MessageStatus } from '../conversations.ts'
import { CommandError, CommandState } from '../device-commands.ts'
import { DeviceId, PresenceState, StreamName, TelemetryBucket, ThresholdRule } from '../devices.ts'
import {
  Channel,
  NotificationContent,
  NotificationStatus,
  Recipient,
  SealedContent,
} from '../notifications.ts'
import { RoleName } from '../permissions.ts'
import { Id, Timestamp } from '../primitives.ts'
import { RevocationReason } from '../sessions.ts'
import { type EventType, QueueName } from './catalog.ts'

const call = {
  callId: Id,
  direction: CallDirection,
  from: z.string(),
  to: z.string(),
  agentId: Id.nullable(),
  queueId: Id.nullable(),
}
/** A call that waits, or waited, in a queue. */
const contact = {
  callId: Id,
  queueId: Id,
  /** 1 for the first wait of the call; counts on when it is queued again. */
  offer: z.number().int().positive(),
}
/** A message; what it says stays in its conversation. */
const message = {
  messageId: Id,
  conversationId: Id,
  channel: MessageChannel,
  direction: z.enum(['inbound', 'outbound']),
}
const user = { userId: Id }
const device = { deviceId: DeviceId, ownerId: Id }

/** Reference to an object that holds a socket of a session. */
export const SocketOwner = z.strictObject({
  class: z.enum(['AgentDesk', 'CallRoom', 'ContactQueue', 'Conversation', 'DeviceTwin', 'Mailbox']),
  name: z.string().min(1),
})
export type SocketOwner = z.infer<typeof SocketOwner>

/** What `data` holds, for the types that something publishes. */
export const eventData = {
  'call.created.v1': z.strictObject({ ...call, createdAt: Timestamp }),
  'call.status.changed.v1': z.strictObject({
    ...call,
    status: CallStatus,
    previousStatus: CallStatus,
    reason: z.string().nullable(),
    changedAt: Timestamp,
  }),
  'call.ended.v1': z.strictObject({
    ...call,
    status: TerminalCallStatus,
    reason: z.string().nullable(),
    createdAt: Timestamp,
    answeredAt: Timestamp.nullable(),
    endedAt: Timestamp,
    talkSeconds: z.number().int(),
    holdSeconds: z.number().int(),
    durationSeconds: z.number().int(),
  }),
  'message.created.v1': z.strictObject({
    ...message,
    from: z.string(),
    to: z.string(),
    createdAt: Timestamp,
  }),
  'message.status.changed.v1': z.strictObject({
    ...message,
    status: MessageStatus,
    previousStatus: MessageStatus,
    reason: z.string().nullable(),
    changedAt: Timestamp,
  }),
  'contact.offered.v1': z.strictObject({ ...contact, offeredAt: Timestamp }),
  'contact.answered.v1': z.strictObject({
    ...contact,
    agentId: Id,
    offeredAt: Timestamp,
    answeredAt: Timestamp,
    waitSeconds: z.number().int(),
  }),
  'contact.abandoned.v1': z.strictObject({
    ...contact,
    offeredAt: Timestamp,
    abandonedAt: Timestamp,
    waitSeconds: z.number().int(),
  }),
  'agent.activity.changed.v1': z.strictObject({
    agentId: Id,
    activity: ActivityName,
    previousActivity: ActivityName,
    /** Seconds spent in the activity before. */
    seconds: z.number().int(),
    reason: z.string().nullable(),
    changedAt: Timestamp,
  }),
  'device.presence.changed.v1': z.strictObject({
    ...device,
    state: PresenceState,
    previousState: PresenceState,
    session: z.string().nullable(),
    changedAt: Timestamp,
  }),
  /** A device has been silent for as long as its owner set, or speaks again. */
  'device.activity.changed.v1': z.strictObject({
    ...device,
    deviceName: z.string(),
    active: z.boolean(),
    lastSeenAt: Timestamp,
    inactivityTimeoutSeconds: z.number().int(),
    changedAt: Timestamp,
  }),
  /** An hour of a stream that has ended. */
  'device.telemetry.rolled.v1': z.strictObject({
    ...device,
    stream: StreamName,
    bucket: TelemetryBucket,
  }),
  'device.command.finished.v1': z.strictObject({
    ...device,
    commandId: Id,
    name: StreamName,
    state: CommandState,
    error: CommandError.nullable(),
    createdAt: Timestamp,
    sentAt: Timestamp.nullable(),
    finishedAt: Timestamp,
  }),
  'device.event.v1': z.strictObject({
    ...device,
    name: StreamName,
    data: z.unknown(),
    /** The device's own time, when it told one. */
    time: Timestamp.nullable(),
    receivedAt: Timestamp,
  }),
  'device.rule.triggered.v1': z.strictObject({
    ...device,
    deviceName: z.string(),
    rule: ThresholdRule,
    /** The value that crossed, and when it was taken. */
    value: z.number(),
    triggeredAt: Timestamp,
  }),
  /** What a device sent and nobody can use; an operator sees it among the dead letters. */
  'device.message.rejected.v1': z.strictObject({
    /** The device the topic names; `null` where it names none that is registered. */
    deviceId: DeviceId.nullable(),
    topic: z.string(),
    code: RejectionCode,
    detail: z.string(),
    /** The beginning of the payload, at most 4 KiB; what is no UTF-8 in base64. */
    payload: z.string(),
    encoding: z.enum(['utf-8', 'base64']),
    bytes: z.number().int(),
    receivedAt: Timestamp,
  }),
  /** One channel of one notification, to be handed to its provider. */
  'notification.requested.v1': z.strictObject({
    notificationId: Id,
    /** The `Mailbox` that asks and is told what became of it; `null` where nobody waits, as for codes and links. */
    mailbox: z.string().nullable(),
    /** `{notificationId}:{channel}`: the provider's idempotency key. */
    deliveryId: z.string(),
    channel: Channel,
    recipient: Recipient,
    category: z.string(),
    content: z.union([NotificationContent, SealedContent]),
    expiresAt: Timestamp.nullable(),
  }),
  'notification.status.changed.v1': z.strictObject({
    notificationId: Id,
    category: z.string(),
    status: NotificationStatus,
    previousStatus: NotificationStatus.nullable(),
    channels: z.array(Channel),
    reason: z.string().nullable(),
    changedAt: Timestamp,
  }),
  'user.registered.v1': z.strictObject({
    ...user,
    channel: z.enum(['sms', 'email']),
    registeredAt: Timestamp,
  }),
  'user.signed-in.v1': z.strictObject({
    ...user,
    sessionId: Id,
    clientId: z.string(),
    acr: z.enum(['1', '2']),
  }),
  'user.sign-in.failed.v1': z.strictObject({ userId: Id.nullable(), reason: z.string() }),
  'user.role.changed.v1': z.strictObject({
    ...user,
    roles: z.array(RoleName),
    previousRoles: z.array(RoleName),
    changedBy: Id.nullable(),
    changedAt: Timestamp,
  }),
  'audit.recorded.v1': z.strictObject(auditFields),
  'session.revoked.v1': z.strictObject({
    ...user,
    sessionId: Id,
    reason: RevocationReason,
    sockets: z.array(SocketOwner),
  }),
  /** The session stands, but its access tokens are void: what its sockets may do has changed. */
  'session.tokens-expired.v1': z.strictObject({
    ...user,
    sessionId: Id,
    sockets: z.array(SocketOwner),
  }),
} as const satisfies Partial<Record<EventType, z.ZodType>>

/** The types that something publishes today. */
export type PublishedEventType = keyof typeof eventData
export type EventData<T extends PublishedEventType> = z.infer<(typeof eventData)[T]>

/** The CloudEvents 1.0 JSON envelope, with the distributed-tracing extension. */
export const CloudEvent = z
  .strictObject({
    specversion: z.literal('1.0'),
    id: z.string().min(1),
    source: z.string().min(1),
    type: z.enum(Object.keys(eventData) as [PublishedEventType, ...PublishedEventType[]]),
    subject: z.string().min(1),
    time: Timestamp,
    datacontenttype: z.literal('application/json'),
    traceparent: z.string().optional(),
    /** Our extension: the queue this copy was sent to, so that a dead letter tells where it comes from. */
    queue: QueueName.optional(),
    data: z.unknown(),
  })
  .superRefine((event, context) => {
    const parsed = eventData[event.type].safeParse(event.data)
    for (const issue of parsed.error?.issues ?? [])
      context.addIssue({ ...issue, path: ['data', ...issue.path] } as never)
  })
  .openapi('CloudEvent')

export type CloudEvent<T extends PublishedEventType = PublishedEventType> = {
  specversion: '1.0'
  id: string
  source: string
  type: T
  subject: string
  time: string
  datacontenttype: 'application/json'
  traceparent?: string
  queue?: QueueName
  data: EventData<T>
}

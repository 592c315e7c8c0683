import { z } from '@hono/zod-openapi'
import { DeviceId } from './devices.ts'
import { EmailAddress, Id, PageQuery, PhoneNumber, Timestamp, TimeZone } from './primitives.ts'

export const Channel = z.enum(['email', 'sms', 'push', 'webhook', 'slack', 'in-app'])
export type Channel = z.infer<typeof Channel>

/** Whom it is for: exactly one of the four. */
export const Recipient = z
  .union(
    [
      z.strictObject({ userId: Id }),
      z.strictObject({ phoneNumber: PhoneNumber }),
      z.strictObject({ email: EmailAddress }),
      z.strictObject({ deviceId: DeviceId }),
    ],
    { error: 'must have exactly one of userId, phoneNumber, email and deviceId' },
  )
  .openapi('Recipient')
export type Recipient = z.infer<typeof Recipient>

export const NotificationContent = z.strictObject({
  title: z.string().min(1).max(200),
  body: z.string().min(1).max(10_000),
})
export type NotificationContent = z.infer<typeof NotificationContent>

/**
 * Content that only the provider's adapter may read, such as a one-time code: `NotificationContent` as JSON under
 * AES-256-GCM with `DELIVERY_KEY`. It has an end, and is dropped after it.
 */
export const SealedContent = z.strictObject({
  /** base64url of the 12-byte IV, `.`, base64url of the ciphertext; the delivery's id is the additional data. */
  sealed: z.string().regex(/^[\w-]{16}\.[\w-]+$/),
})
export type SealedContent = z.infer<typeof SealedContent>

/** A word that groups notifications, such as `device-alert`. */
export const Category = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'must be lower-case letters, digits, . _ or -')

export const CreateNotificationRequest = z
  .strictObject({
    recipient: Recipient,
    /** Chosen by what is known of the recipient when left out. */
    channels: z.array(Channel).min(1).max(6).optional(),
    category: Category,
    templateId: z.string().min(1).max(64).optional(),
    data: z.record(z.string(), z.unknown()).optional(),
    content: NotificationContent.optional(),
    /** Now when left out; at most a year ahead. */
    sendAt: Timestamp.optional(),
    timeZone: TimeZone.optional(),
    rrule: z.string().min(1).max(500).optional(),
    critical: z.boolean().optional(),
    /** The same key for the same recipient within 24 hours is the same notification. */
    dedupeKey: z.string().min(1).max(255).optional(),
    digest: z
      .strictObject({
        key: z.string().min(1).max(255),
        windowSeconds: z.number().int().min(1).max(604_800),
      })
      .optional(),
    expiresAt: Timestamp.optional(),
  })
  .refine((request) => (request.content === undefined) !== (request.templateId === undefined), {
    path: ['content'],
    error: 'must be given, or a templateId instead of it',
  })
  .openapi('CreateNotificationRequest')
export type CreateNotificationRequest = z.infer<typeof CreateNotificationRequest>

/**
 * `scheduled` waits for its time · `held` waits for something else · `queued` is being delivered · `sent` at least one
 * channel took it and none is open · `failed` no channel did · `canceled`, `expired` never left.
 */
export const NotificationStatus = z.enum([
  'scheduled',
  'held',
  'queued',
  'sent',
  'failed',
  'canceled',
  'expired',
])
export type NotificationStatus = z.infer<typeof NotificationStatus>

export const AcceptedNotification = z
  .strictObject({
    id: Id,
    status: z.enum(['scheduled', 'queued', 'held']),
    sendAt: Timestamp,
    /** Why it goes when and where it goes, a sentence each. */
    decisions: z.array(z.string()),
  })
  .openapi('AcceptedNotification')
export type AcceptedNotification = z.infer<typeof AcceptedNotification>

export const PendingNotification = z
  .strictObject({
    id: Id,
    recipient: Recipient,
    category: z.string(),
    channels: z.array(Channel),
    status: z.enum(['scheduled', 'queued', 'held']),
    sendAt: Timestamp,
    nextAttemptAt: Timestamp.nullable(),
    attempts: z.number().int(),
    heldUntil: Timestamp.optional(),
    holdReason: z.string().optional(),
  })
  .openapi('PendingNotification')
export type PendingNotification = z.infer<typeof PendingNotification>

export const PendingQuery = PageQuery.extend({
  /** `all` needs `notifications:read:all`. */
  scope: z.enum(['mine', 'all']).default('mine'),
  channel: Channel.optional(),
  category: Category.optional(),
  /** Sent before this time. */
  before: Timestamp.optional(),
})
export type PendingQuery = z.infer<typeof PendingQuery>

/** One channel of a notification. */
export const Delivery = z
  .strictObject({
    id: z.string(),
    channel: Channel,
    status: z.enum(['queued', 'sent', 'failed', 'skipped']),
    attempts: z.number().int(),
    nextAttemptAt: Timestamp.nullable(),
    /** What the provider calls it. */
    providerId: z.string().nullable(),
    reason: z.string().nullable(),
    sentAt: Timestamp.nullable(),
  })
  .openapi('Delivery')
export type Delivery = z.infer<typeof Delivery>

export const Notification = z
  .strictObject({
    id: Id,
    recipient: Recipient,
    category: z.string(),
    content: NotificationContent,
    critical: z.boolean(),
    status: NotificationStatus,
    sendAt: Timestamp,
    createdAt: Timestamp,
    decisions: z.array(z.string()),
    deliveries: z.array(Delivery),
  })
  .openapi('Notification')
export type Notification = z.infer<typeof Notification>

/** One entry of the in-app feed. */
export const InboxItem = z
  .strictObject({
    id: Id,
    /** The mailbox's number of the event `notification.created`. */
    seq: z.number().int(),
    category: z.string(),
    title: z.string(),
    body: z.string(),
    createdAt: Timestamp,
  })
  .openapi('InboxItem')
export type InboxItem = z.infer<typeof InboxItem>

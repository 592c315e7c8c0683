import type {
  AcceptedNotification,
  Channel,
  CreateNotificationRequest,
  InboxItem,
  Notification,
  NotificationStatus,
} from '@menagerie/contracts'
import type { Principal, Result } from '@menagerie/core'
import type { Ticket } from '../journal/types.ts'
import type { UserSessions } from '../user-sessions/index.ts'
import type { DeliveryOutcome } from './notification-types.ts'
import type { ProjectedNotification } from './projection.ts'

/** What the object is given by the Worker that owns it. */
export interface MailboxEnv {
  DB: D1Database
  DELIVERIES_QUEUE: Queue
  HISTORY_QUEUE: Queue
  WEBHOOKS_QUEUE: Queue
  USER_SESSIONS: DurableObjectNamespace<UserSessions>
  BOOT_ID: string
  CLOCK_OFFSET_MS?: string
}

/** Where an RPC comes from, for the journal and the log. */
export interface MailboxContext {
  requestId?: string
  traceparent?: string
}

export interface AcceptCommand {
  /** The notification's id, given by the Worker: derived from the key where there is one. */
  id: string
  /** The object's name, see `mailboxOf`. */
  mailbox: string
  /** Who asks: an account's id, or `rule:{id}`. */
  actor: string
  source: 'http' | 'rule'
  /** The caller's idempotency key; `null` when the caller gave none. */
  key: string | null
  /** As the caller sent it. */
  request: CreateNotificationRequest
}

export interface Accepted {
  notification: AcceptedNotification
  /** The list's row, for a list that shows at once what was accepted; `null` for one that stood before. */
  row: ProjectedNotification | null
  /** True when the key was known and nothing happened. */
  replayed: boolean
}

/** What became of one channel's delivery. */
export type DeliveryReport = { notificationId: string; channel: Channel } & DeliveryOutcome

export interface InboxPage {
  items: InboxItem[]
  /** The number to go on before; missing on the last page. */
  nextBeforeSeq?: number
}

export type MailboxError =
  | { code: 'not_found' }
  | { code: 'idempotency_mismatch' }
  | { code: 'payload_too_large' }
  | { code: 'overloaded' | 'storage_full'; retryAfterSeconds: number }

/** The mailbox over RPC. Written out, since the platform's own type gives up at values it cannot look into. */
export interface MailboxApi {
  accept(command: AcceptCommand, context?: MailboxContext): Promise<Result<Accepted, MailboxError>>
  get(principal: Principal, id: string): Promise<Result<Notification, MailboxError>>
  inbox(
    principal: Principal,
    beforeSeq: number | null,
    limit: number,
  ): Promise<Result<InboxPage, MailboxError>>
  deliveryResult(
    report: DeliveryReport,
    context?: MailboxContext,
  ): Promise<Result<NotificationStatus, MailboxError>>
  issueTicket(principal: Principal, mailbox: string): Promise<Result<Ticket, MailboxError>>
  closeSession(sessionId: string, context?: MailboxContext): Promise<number>
}

import type {
  Channel,
  NotificationContent,
  NotificationStatus,
  Recipient,
} from '@menagerie/contracts'
import type { JsonObject } from '@menagerie/core'
import type { TimerChange } from '../journal/types.ts'

/** What a notification is from its first moment on. Times are milliseconds since the epoch. */
export interface NotificationDetails {
  id: string
  recipient: Recipient
  category: string
  content: NotificationContent
  critical: boolean
  sendAt: number
  createdAt: number
  expiresAt: number | null
  /** Why it goes when and where it goes, a sentence each. */
  decisions: string[]
  /** Of who asked for it, so that what a timer does later belongs to the same trace. */
  traceparent: string | null
}

/** One channel of a notification. `attempts` counts what the provider was asked. */
export type DeliveryState = { channel: Channel; attempts: number } & (
  | { status: 'queued'; nextAttemptAt: number | null }
  | { status: 'sent'; sentAt: number; providerId: string | null }
  | { status: 'failed' | 'skipped'; reason: string }
)

/** Where it stands. `rounds` counts how often its deliveries were asked for. */
export type NotificationPhase =
  | { status: 'scheduled' }
  | { status: 'queued'; since: number; rounds: number }
  | { status: 'sent' | 'failed' | 'expired'; endedAt: number }

export interface NotificationState {
  details: NotificationDetails
  deliveries: DeliveryState[]
  phase: NotificationPhase
}

/** What became of one channel, told by whoever asked its provider. */
export type DeliveryOutcome =
  | { outcome: 'sent'; attempts: number; sentAt: number; providerId: string | null }
  | { outcome: 'failed' | 'skipped'; attempts: number; reason: string }
  | { outcome: 'retrying'; attempts: number; nextAttemptAt: number; reason: string }

export type NotificationInput =
  /** Its time has come. */
  | { type: 'timer.due' }
  /** A delivery that was asked for has been silent for long. */
  | { type: 'timer.watch' }
  | ({ type: 'delivery'; channel: Channel } & DeliveryOutcome)

export type NotificationEvent =
  /** An entry of the in-app feed. */
  | { type: 'notification.created'; data: JsonObject }
  | { type: 'notification.status'; data: StatusData & JsonObject }
  | { type: 'notification.delivery'; data: JsonObject }

export interface StatusData {
  id: string
  status: NotificationStatus
  previousStatus: NotificationStatus | null
  /** Why, where the status alone does not tell. */
  reason?: string
}

export type NotificationEffect =
  /** Have a channel's provider asked. `round` tells the repeats of one request apart. */
  { type: 'request'; channel: Channel; round: number } | TimerChange

/** What one input leads to. The same `state` and no effects: it changes nothing. */
export interface NotificationStep {
  state: NotificationState
  events: NotificationEvent[]
  effects: NotificationEffect[]
}

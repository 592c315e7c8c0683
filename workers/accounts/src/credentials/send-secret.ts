import type { NotificationContent } from '@menagerie/contracts'
import {
  clockOf,
  DELIVERY_PURPOSE,
  makeEvent,
  newId,
  outboxStatements,
  seal,
  toTimestamp,
} from '@menagerie/core'
import { type Env, settingsOf } from '../context.ts'
import type { Condition } from './commit.ts'

export type ContactPoint = { phoneNumber: string } | { email: string }

export interface SecretMessage {
  to: ContactPoint
  content: NotificationContent
  category: string
  /** Milliseconds since the epoch. It is dropped after that. */
  expiresAt: number
  traceparent: string | undefined
}

/**
 * Statements that keep a message only its recipient may read, such as a code or a link: it lies sealed in outbox and
 * queues, and is opened where it is handed to the provider. Nobody is told what became of it.
 *
 * @param condition keeps it only where the condition holds; the work is the same
 */
export async function sendSecret(
  env: Env,
  { to, content, category, expiresAt, traceparent }: SecretMessage,
  condition?: Condition,
): Promise<D1PreparedStatement[]> {
  const now = clockOf(env).now()
  const notificationId = newId()
  const channel = 'email' in to ? 'email' : 'sms'
  const deliveryId = `${notificationId}:${channel}`
  const { DELIVERY_KEY } = settingsOf(env)
  const event = makeEvent({
    type: 'notification.requested.v1',
    id: newId(),
    source: '/accounts',
    subject: notificationId,
    at: now,
    data: {
      notificationId,
      mailbox: null,
      deliveryId,
      channel,
      recipient: to,
      category,
      content: {
        sealed: await seal(DELIVERY_KEY, DELIVERY_PURPOSE, JSON.stringify(content), deliveryId),
      },
      expiresAt: toTimestamp(expiresAt),
    },
    traceparent,
  })
  return outboxStatements(env.DB, event, now, condition)
}

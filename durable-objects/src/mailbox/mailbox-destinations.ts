import { type Destination, queueDestination } from '../journal/index.ts'
import type { MailboxEnv } from './mailbox-types.ts'
import { projectionDestination } from './projection.ts'

/** Where a mailbox's outbox goes: the queues and the list's table. */
export const mailboxDestinations = (env: MailboxEnv): Record<string, Destination> => ({
  deliveries: queueDestination(env.DELIVERIES_QUEUE),
  history: queueDestination(env.HISTORY_QUEUE),
  webhooks: queueDestination(env.WEBHOOKS_QUEUE),
  projection: projectionDestination(env.DB),
})

import { type Destination, queueDestination } from '../journal/index.ts'
import { twilioMessages } from './carriers/twilio-messages.ts'
import type { ConversationEnv } from './conversation-api.ts'
import { type MessageDeskHost, messageDesk } from './message-desk.ts'
import { projectionDestination } from './projection.ts'

/** Where a conversation's outbox goes: the queues, the list's table and the carrier. */
export const conversationDestinations = (
  env: ConversationEnv,
  host: Omit<MessageDeskHost, 'carrier'>,
): Record<string, Destination> => ({
  history: queueDestination(env.HISTORY_QUEUE),
  rules: queueDestination(env.RULES_QUEUE),
  webhooks: queueDestination(env.WEBHOOKS_QUEUE),
  projection: projectionDestination(env.DB),
  carrier: messageDesk({
    ...host,
    carrier: twilioMessages({
      apiUrl: env.CARRIER_API_URL,
      accountSid: env.CARRIER_ACCOUNT_SID,
      authToken: env.CARRIER_AUTH_TOKEN,
      publicUrl: env.PUBLIC_URL,
      now: host.now,
    }),
  }),
})

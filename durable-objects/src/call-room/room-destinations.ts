import { type Destination, queueDestination } from '../journal/index.ts'
import { type CarrierDeskHost, carrierDesk } from './carrier-desk.ts'
import { twilioCarrier } from './carriers/twilio.ts'
import { contactsDestination } from './contacts-destination.ts'
import { deskDestination } from './desk-destination.ts'
import { projectionDestination } from './projection.ts'
import type { CallRoomEnv } from './room-types.ts'

/** Where a room's outbox goes: the queues, the history's table, the carrier, desks and queues of contacts. */
export const roomDestinations = (
  env: CallRoomEnv,
  host: Omit<CarrierDeskHost, 'carrier'>,
): Record<string, Destination> => ({
  history: queueDestination(env.HISTORY_QUEUE),
  rules: queueDestination(env.RULES_QUEUE),
  webhooks: queueDestination(env.WEBHOOKS_QUEUE),
  projection: projectionDestination(env.DB),
  desk: deskDestination(env.AGENT_DESK, host),
  contacts: contactsDestination(env.CONTACT_QUEUE, host),
  carrier: carrierDesk({
    ...host,
    carrier: twilioCarrier({
      apiUrl: env.CARRIER_API_URL,
      accountSid: env.CARRIER_ACCOUNT_SID,
      authToken: env.CARRIER_AUTH_TOKEN,
      publicUrl: env.PUBLIC_URL,
    }),
  }),
})

import type { CloudEvent } from '@menagerie/contracts'
import { clockOf } from '@menagerie/core'
import { contactOf } from '../contacts.ts'
import { type Env, settingsOf } from '../context.ts'
import { sendEmail } from './email-api.ts'
import { isSealed, openContent } from './open-content.ts'
import type { ProviderAnswer } from './provider-answer.ts'
import { sendSms } from './sms-api.ts'

type Requested = CloudEvent<'notification.requested.v1'>

/** Asks the channel's provider once. @throws Error for a channel that no adapter serves */
export async function attempt(env: Env, event: Requested): Promise<ProviderAnswer> {
  const { channel, deliveryId, expiresAt } = event.data
  const clock = clockOf(env)
  const now = () => clock.now()
  if (expiresAt !== null && Date.parse(expiresAt) <= now()) return skip('expired')
  if (channel !== 'email' && channel !== 'sms')
    throw new Error(`There is no adapter for ${channel}`)
  const settings = settingsOf(env)
  const content = isSealed(event.data.content)
    ? await openContent(settings.DELIVERY_KEY, event.data.content, deliveryId)
    : event.data.content
  if (content === undefined) return skip('cannot_be_opened')
  if (channel === 'sms') {
    const { recipient } = event.data
    if (!('phoneNumber' in recipient)) return skip('no_number')
    if (settings.CARRIER_NUMBER === '') return skip('no_sender')
    const api = {
      url: settings.CARRIER_API_URL,
      accountSid: settings.CARRIER_ACCOUNT_SID,
      authToken: settings.CARRIER_AUTH_TOKEN,
      from: settings.CARRIER_NUMBER,
    }
    return sendSms(api, deliveryId, recipient.phoneNumber, content, now)
  }
  const address = await emailAddressOf(env, event)
  if (typeof address !== 'string') return address
  const { EMAIL_API_URL, EMAIL_API_KEY, EMAIL_FROM } = settings
  const api = { url: EMAIL_API_URL, key: EMAIL_API_KEY, from: EMAIL_FROM }
  return sendEmail(api, deliveryId, address, content, now)
}

/** Where the e-mail goes: the address that was named, or the one the user has now. */
async function emailAddressOf(env: Env, event: Requested): Promise<string | ProviderAnswer> {
  const { recipient } = event.data
  if ('email' in recipient) return recipient.email
  if (!('userId' in recipient)) return skip('no_address')
  let contact: Awaited<ReturnType<typeof contactOf>>
  try {
    contact = await contactOf(env, recipient.userId, event.traceparent)
  } catch {
    return { outcome: 'retrying', reason: 'contacts_unavailable', status: null }
  }
  if (contact === undefined) return skip('no_such_user')
  if (contact.email === null) return skip('no_address')
  // Anybody can register with anybody's address.
  if (!contact.emailVerified) return skip('address_not_verified')
  return contact.email
}

const skip = (reason: string): ProviderAnswer => ({ outcome: 'skipped', reason, status: null })

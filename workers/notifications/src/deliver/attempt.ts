import type { CloudEvent } from '@menagerie/contracts'
import { clockOf } from '@menagerie/core'
import { contactOf } from '../contacts.ts'
import { type Env, settingsOf } from '../context.ts'
import { sendEmail } from './email-api.ts'
import type { ProviderAnswer } from './provider-answer.ts'

type Requested = CloudEvent<'notification.requested.v1'>

/** Asks the channel's provider once. @throws Error for a channel that no adapter serves */
export async function attempt(env: Env, event: Requested): Promise<ProviderAnswer> {
  const { channel, deliveryId, content, expiresAt } = event.data
  const clock = clockOf(env)
  if (expiresAt !== null && Date.parse(expiresAt) <= clock.now()) return skip('expired')
  if (channel !== 'email') throw new Error(`There is no adapter for ${channel}`)
  const address = await emailAddressOf(env, event)
  if (typeof address !== 'string') return address
  const { EMAIL_API_URL, EMAIL_API_KEY, EMAIL_FROM } = settingsOf(env)
  const api = { url: EMAIL_API_URL, key: EMAIL_API_KEY, from: EMAIL_FROM }
  return sendEmail(api, deliveryId, address, content, () => clock.now())
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

import type { Recipient } from '@menagerie/contracts'

/** The mailbox of a recipient: one owner for everything that is sent to them. */
export function mailboxOf(recipient: Recipient): string {
  if ('userId' in recipient) return `user:${recipient.userId.toLowerCase()}`
  if ('email' in recipient) return `email:${recipient.email.toLowerCase()}`
  if ('phoneNumber' in recipient) return `phone:${recipient.phoneNumber}`
  return `device:${recipient.deviceId}`
}

/** The user whose own mailbox it is; `null` for an address nobody signs in with. */
export const ownerOf = (mailbox: string): string | null =>
  mailbox.startsWith('user:') ? mailbox.slice('user:'.length) : null

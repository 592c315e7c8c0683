import type { Channel, CreateNotificationRequest, Recipient } from '@menagerie/contracts'
import { toTimestamp } from '@menagerie/core'

/** Channels that stand when nobody named any. */
export function channelsFor(recipient: Recipient): readonly Channel[] {
  if ('userId' in recipient) return ['email', 'in-app']
  if ('email' in recipient) return ['email']
  if ('phoneNumber' in recipient) return ['sms']
  return ['push']
}

/** Where a request goes and why, decided once. */
export interface Acceptance {
  channels: Channel[]
  /** Milliseconds since the epoch, never in the past. */
  sendAt: number
  expiresAt: number | null
  /** Sentences for people. */
  decisions: string[]
}

/** Decides what the request left open. */
export function accept(request: CreateNotificationRequest, now: number): Acceptance {
  const { recipient, critical = false } = request
  const channels = [...new Set(request.channels ?? channelsFor(recipient))]
  const asked = request.sendAt === undefined ? now : Date.parse(request.sendAt)
  const sendAt = Math.max(asked, now)
  const expiresAt = request.expiresAt === undefined ? null : Date.parse(request.expiresAt)
  const list = channels.join(' and ')
  return {
    channels,
    sendAt,
    expiresAt,
    decisions: [
      asked > now
        ? `Waits until ${toTimestamp(sendAt)}`
        : asked < now
          ? `Goes now: its time ${toTimestamp(asked)} has passed`
          : 'Goes now',
      request.channels === undefined
        ? `Goes by ${list}, chosen because the recipient is ${kindOf(recipient)}`
        : `Goes by ${list}, as asked`,
      ...(expiresAt === null ? [] : [`Is not sent after ${toTimestamp(expiresAt)}`]),
      ...(critical ? ['Is critical: nothing holds it back'] : []),
    ],
  }
}

function kindOf(recipient: Recipient): string {
  if ('userId' in recipient) return 'a user'
  if ('email' in recipient) return 'an e-mail address'
  if ('phoneNumber' in recipient) return 'a phone number'
  return 'a device'
}

import type { InboxEntry } from './inbox-store.ts'
import { textSid } from './text-webhooks.ts'

/** A message as Twilio's `Message` resource; what the lab has no use for is `null` or left out. */
export function messageResource(entry: InboxEntry, accountSid: string): object {
  const sid = textSid(entry)
  const date = new Date(entry.receivedAt).toUTCString()
  const { status = 'queued' } = entry
  return {
    sid,
    account_sid: accountSid,
    api_version: '2010-04-01',
    to: entry.to[0],
    from: entry.from,
    body: entry.body,
    status,
    direction: 'outbound-api',
    num_segments: '1',
    error_code: null,
    error_message: null,
    date_created: date,
    date_updated: date,
    date_sent: status === 'queued' ? null : date,
    price: null,
    uri: `/2010-04-01/Accounts/${accountSid}/Messages/${sid}.json`,
  }
}

import type { LabCall } from './lab-call.ts'

/** A call as Twilio's `Call` resource; what the lab has no use for is `null` or left out. */
export function toResource(call: LabCall, accountSid: string): object {
  const date = (at: number | null) => (at === null ? null : new Date(at).toUTCString())
  const talked =
    call.answeredAt === null || call.endedAt === null
      ? null
      : String(Math.round((call.endedAt - call.answeredAt) / 1000))
  return {
    sid: call.sid,
    account_sid: accountSid,
    api_version: '2010-04-01',
    to: call.to,
    from: call.from,
    // Twilio tells `initiated` in webhooks only.
    status: call.status === 'initiated' ? 'queued' : call.status,
    direction: call.direction,
    date_created: date(call.createdAt),
    date_updated: date(call.endedAt ?? call.answeredAt ?? call.createdAt),
    start_time: date(call.answeredAt),
    end_time: date(call.endedAt),
    duration: talked,
    price: null,
    uri: `/2010-04-01/Accounts/${accountSid}/Calls/${call.sid}.json`,
    // The lab's own: which request of its customer made the call.
    idempotency_token: call.idempotencyToken,
  }
}

import { z } from 'zod'
import { type CarrierReport, carrierStatuses } from '../call-types.ts'
import { type Carrier, CarrierAway, type Found, type PlaceCall, type Placed } from './carrier.ts'

export interface TwilioSettings {
  /** `https://api.twilio.com`, or where something speaks the same API. */
  apiUrl: string
  accountSid: string
  authToken: string
  /** Where the carrier reaches us. Callback addresses are made from it, without `/v1`. */
  publicUrl: string
}

/** Paths of the callbacks; the signature covers them as they are handed out here. */
export const voicePath = '/webhooks/twilio/voice'
export const voiceStatusPath = '/webhooks/twilio/voice-status'

const REQUEST_TIMEOUT_MS = 5_000
/** Clocks differ: a call that is this much older than our order may still be the one. */
const CLOCK_SKEW_MS = 60_000

const CallResource = z.looseObject({
  sid: z.string().min(1),
  status: z.enum(carrierStatuses),
  duration: z.coerce.number().nullish(),
  date_created: z.string().nullish(),
  /** Not Twilio's: a carrier that keeps our token tells it here. */
  idempotency_token: z.string().nullish(),
})
type CallResource = z.infer<typeof CallResource>
const CallList = z.looseObject({ calls: z.array(CallResource) })

/** A carrier with Twilio's Voice API (2010-04-01, `Calls` resource). */
export function twilioCarrier(settings: TwilioSettings): Carrier {
  const base = `${settings.apiUrl.replace(/\/$/, '')}/2010-04-01/Accounts/${settings.accountSid}`
  const authorization = `Basic ${btoa(`${settings.accountSid}:${settings.authToken}`)}`

  async function ask(path: string, form?: URLSearchParams, token?: string): Promise<Response> {
    try {
      return await fetch(`${base}${path}`, {
        method: form === undefined ? 'GET' : 'POST',
        headers: {
          authorization,
          accept: 'application/json',
          ...(token === undefined ? {} : { 'idempotency-key': token }),
        },
        ...(form === undefined ? {} : { body: form }),
        signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
      })
    } catch (error) {
      throw new CarrierAway('The carrier does not answer', { cause: error })
    }
  }

  async function place(call: PlaceCall): Promise<Placed> {
    let response: Response
    try {
      response = await ask('/Calls.json', placeForm(call, settings.publicUrl), call.callId)
    } catch (error) {
      return { outcome: 'unsure', detail: String(error) }
    }
    if (response.status === 429) {
      await response.body?.cancel()
      return { outcome: 'busy', retryAfterSeconds: retryAfter(response) }
    }
    if (response.ok) {
      const made = CallResource.pick({ sid: true }).safeParse(await bodyOf(response))
      return made.success
        ? { outcome: 'placed', callSid: made.data.sid }
        : { outcome: 'unsure', detail: 'The carrier gave no call id' }
    }
    await response.body?.cancel()
    // 408 and 5xx do not say whether the call was made.
    const said = `The carrier answered ${response.status}`
    return response.status >= 500 || response.status === 408
      ? { outcome: 'unsure', detail: said }
      : { outcome: 'refused', detail: said }
  }

  async function find(call: PlaceCall, since: number): Promise<Found> {
    const query = new URLSearchParams({ To: call.to, From: call.from, PageSize: '50' })
    const response = await sensible(await ask(`/Calls.json?${query}`))
    const { calls } = CallList.parse(await bodyOf(response))
    const mine = calls.find(({ idempotency_token }) => idempotency_token === call.callId)
    if (mine !== undefined) return { outcome: 'found', callSid: mine.sid }
    // Twilio keeps no token of ours. A recent call to the same number may be ours or another room's, and its webhooks
    // will tell; taking it for ours could hang up somebody else's call.
    const candidates = calls.filter(
      (one) => one.idempotency_token == null && createdAt(one) >= since - CLOCK_SKEW_MS,
    )
    return { outcome: candidates.length === 0 ? 'none' : 'unsure' }
  }

  return {
    place,
    find,
    async fetch(callSid) {
      const response = await ask(`/Calls/${callSid}.json`)
      if (response.status === 404) {
        await response.body?.cancel()
        return undefined
      }
      return toReport(CallResource.parse(await bodyOf(await sensible(response))))
    },
    async hangUp(callSid) {
      // `completed` ends a call in any state, where `canceled` would leave one running that was just answered.
      const response = await ask(
        `/Calls/${callSid}.json`,
        new URLSearchParams({ Status: 'completed' }),
      )
      await response.body?.cancel()
      // 400 (21220): not in a state that can end; 404: unknown. Neither gets better by asking again.
      if (response.ok || response.status === 400 || response.status === 404) return
      throw new CarrierAway(`The carrier answered ${response.status}`)
    },
  }
}

function placeForm(call: PlaceCall, publicUrl: string): URLSearchParams {
  const base = publicUrl.replace(/\/$/, '')
  const query = `?callId=${call.callId}`
  const form = new URLSearchParams({
    To: call.to,
    From: call.from,
    Url: `${base}${voicePath}${query}`,
    Method: 'POST',
    StatusCallback: `${base}${voiceStatusPath}${query}`,
    StatusCallbackMethod: 'POST',
    Timeout: String(call.ringTimeoutSeconds),
    Record: String(call.record),
  })
  for (const event of ['initiated', 'ringing', 'answered', 'completed'])
    form.append('StatusCallbackEvent', event)
  return form
}

async function sensible(response: Response): Promise<Response> {
  if (response.ok) return response
  await response.body?.cancel()
  throw new CarrierAway(`The carrier answered ${response.status}`)
}

async function bodyOf(response: Response): Promise<unknown> {
  try {
    return await response.json()
  } catch {
    return undefined
  }
}

/** Seconds of a `Retry-After` header (RFC 9110 §10.2.3), 1 to 60; 1 where it is a date or missing. */
function retryAfter(response: Response): number {
  const seconds = Number(response.headers.get('retry-after'))
  return Number.isFinite(seconds) ? Math.min(60, Math.max(1, seconds)) : 1
}

function createdAt(call: CallResource): number {
  const at = Date.parse(call.date_created ?? '')
  // A call that does not say when it was made may be the one.
  return Number.isNaN(at) ? Number.POSITIVE_INFINITY : at
}

const toReport = (call: CallResource): CarrierReport => ({
  callSid: call.sid,
  status: call.status,
  rejected: false,
  durationSeconds: call.duration ?? null,
})

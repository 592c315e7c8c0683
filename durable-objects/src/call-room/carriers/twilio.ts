import { z } from 'zod'
import { retryAfterSeconds } from '../../shared/retry-after.ts'
import {
  bodyOf,
  isSince,
  isUnsure,
  refusalOf,
  type TwilioAccount,
  twilioRequest,
} from '../../shared/twilio-request.ts'
import { type CarrierReport, carrierStatuses, liveStatuses } from '../call-inputs.ts'
import {
  type Carrier,
  CarrierAway,
  type Found,
  type PlaceCall,
  type Placed,
  type Pressed,
} from './carrier.ts'
import { digitsTwiml, voiceStatusUrl, voiceUrl } from './twilio-addresses.ts'

export interface TwilioSettings extends TwilioAccount {
  /** Where the carrier reaches us. Callback addresses are made from it, without `/v1`. */
  publicUrl: string
}

/** Of an update that needs an answered call. */
const NOT_IN_PROGRESS = 21220

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
  const ask = twilioRequest(settings, CarrierAway)

  const update = (callSid: string, form: Record<string, string>): Promise<Response> =>
    ask(`/Calls/${encodeURIComponent(callSid)}.json`, new URLSearchParams(form))

  async function place(call: PlaceCall): Promise<Placed> {
    let response: Response
    try {
      response = await ask('/Calls.json', placeForm(call, settings.publicUrl), tokenOf(call))
    } catch (error) {
      return { outcome: 'unsure', detail: String(error) }
    }
    if (response.status === 429) {
      await response.body?.cancel()
      return { outcome: 'busy', retryAfterSeconds: patience(response) }
    }
    if (response.ok) {
      const made = CallResource.pick({ sid: true }).safeParse(await bodyOf(response))
      return made.success
        ? { outcome: 'placed', callSid: made.data.sid }
        : { outcome: 'unsure', detail: 'The carrier gave no call id' }
    }
    const detail = await detailOf(response)
    return isUnsure(response) ? { outcome: 'unsure', detail } : { outcome: 'refused', detail }
  }

  async function find(call: PlaceCall, since: number): Promise<Found> {
    const query = new URLSearchParams({ To: call.to, From: call.from, PageSize: '50' })
    const response = await sensible(await ask(`/Calls.json?${query}`))
    const calls = read(CallList, await bodyOf(response)).calls
    const mine = calls.find(({ idempotency_token }) => idempotency_token === tokenOf(call))
    if (mine !== undefined) return { outcome: 'found', callSid: mine.sid }
    // Twilio keeps no token of ours. A recent call to the same number may be ours or another room's, and its webhooks
    // will tell; taking it for ours could hang up somebody else's call.
    const candidates = calls.filter((one) => one.idempotency_token == null && isSince(one, since))
    return { outcome: candidates.length === 0 ? 'none' : 'unsure' }
  }

  async function digits(callSid: string, callId: string, keys: string): Promise<Pressed> {
    let response: Response
    try {
      response = await update(callSid, {
        Twiml: digitsTwiml(keys, voiceUrl(settings.publicUrl, { callId })),
      })
    } catch {
      return 'unsure'
    }
    await response.body?.cancel()
    if (response.ok) return 'sent'
    if (isUnsure(response)) return 'unsure'
    if (isHopeless(response)) return 'refused'
    throw away(response)
  }

  async function fetchCall(callSid: string): Promise<CarrierReport | undefined> {
    const response = await ask(`/Calls/${encodeURIComponent(callSid)}.json`)
    if (response.status === 404) {
      await response.body?.cancel()
      return undefined
    }
    return toReport(read(CallResource, await bodyOf(await sensible(response))))
  }

  return {
    place,
    find,
    digits,
    fetch: fetchCall,
    async hangUp(callSid) {
      // `completed` ends a call in any state, where `canceled` would leave one running that was just answered.
      await done(await update(callSid, { Status: 'completed' }))
    },
    async redirect(callSid, callId, leg) {
      const Url = voiceUrl(settings.publicUrl, { callId, leg })
      const response = await update(callSid, { Url, Method: 'POST' })
      if (response.status !== 400) return done(response)
      if ((await refusalOf(response)) !== NOT_IN_PROGRESS) return
      // Over; or its first question is still under way, and what that is told may be out of date by now.
      const report = await fetchCall(callSid)
      if (report !== undefined && liveStatuses.has(report.status))
        throw new CarrierAway('The call is not yet in progress at the carrier')
    },
  }
}

/** What makes a repeat of an order recognisable: of a room's calls each has its own. */
const tokenOf = ({ callId, leg }: PlaceCall): string =>
  leg === undefined ? callId : `${callId}:${leg}`

function placeForm(call: PlaceCall, publicUrl: string): URLSearchParams {
  const { callId, leg } = call
  const form = new URLSearchParams({
    To: call.to,
    From: call.from,
    Url: voiceUrl(publicUrl, { callId, leg }),
    Method: 'POST',
    StatusCallback: voiceStatusUrl(publicUrl, { callId, leg }),
    StatusCallbackMethod: 'POST',
    Timeout: String(call.ringTimeoutSeconds),
    Record: String(call.record),
  })
  for (const event of ['initiated', 'ringing', 'answered', 'completed'])
    form.append('StatusCallbackEvent', event)
  return form
}

/** 400 (21220): not in a state for it; 404 (20404): unknown. Neither gets better by asking again. */
const isHopeless = ({ status }: Response): boolean => status === 400 || status === 404

const patience = (response: Response): number => retryAfterSeconds(response.headers, Date.now())

const away = (response: Response): CarrierAway =>
  new CarrierAway(
    `The carrier answered ${response.status}`,
    response.status === 429 || response.headers.has('retry-after')
      ? { retryAfterSeconds: patience(response) }
      : {},
  )

async function sensible(response: Response): Promise<Response> {
  if (response.ok) return response
  await response.body?.cancel()
  throw away(response)
}

/** An order was carried out, or never can be. */
async function done(response: Response): Promise<void> {
  await response.body?.cancel()
  if (!response.ok && !isHopeless(response)) throw away(response)
}

async function detailOf(response: Response): Promise<string> {
  const code = await refusalOf(response)
  return `The carrier answered ${response.status}${code === undefined ? '' : ` (${code})`}`
}

function read<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body)
  if (parsed.success) return parsed.data
  throw new CarrierAway('The carrier answered what is not its API', { cause: parsed.error })
}

const toReport = (call: CallResource): CarrierReport => ({
  callSid: call.sid,
  status: call.status,
  rejected: false,
  durationSeconds: call.duration ?? null,
})

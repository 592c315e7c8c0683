import { z } from 'zod'

export interface TwilioAccount {
  /** `https://api.twilio.com`, or where something speaks the same API. */
  apiUrl: string
  accountSid: string
  authToken: string
}

/**
 * Asks the account's part of the API (2010-04-01): a POST where there is a form, a GET elsewhere.
 *
 * @param path behind the account, with its query
 * @param token makes a repeat recognisable, for a carrier that heeds `Idempotency-Key`
 */
export type TwilioRequest = (
  path: string,
  form?: URLSearchParams,
  token?: string,
) => Promise<Response>

const REQUEST_TIMEOUT_MS = 5_000
/** Clocks differ: a resource that is this much older than our order may still be the one. */
const CLOCK_SKEW_MS = 60_000

/** Twilio's numbers for what went wrong: 20xxx of the API, 21xxx of the request, 63xxx of messages. */
const Refusal = z.looseObject({ code: z.number().int() })

/** @param Away what is thrown where no answer comes within five seconds */
export function twilioRequest(
  { apiUrl, accountSid, authToken }: TwilioAccount,
  Away: new (message: string, options: ErrorOptions) => Error,
): TwilioRequest {
  const base = `${apiUrl.replace(/\/$/, '')}/2010-04-01/Accounts/${accountSid}`
  const authorization = `Basic ${btoa(`${accountSid}:${authToken}`)}`

  return async (path, form, token) => {
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
      throw new Away('The carrier does not answer', { cause: error })
    }
  }
}

/** The JSON of an answer; `undefined` where it is none. */
export async function bodyOf(response: Response): Promise<unknown> {
  try {
    return await response.json()
  } catch {
    return undefined
  }
}

/** Twilio's number for why it refused; `undefined` where the answer has none. Reads the answer's body. */
export async function refusalOf(response: Response): Promise<number | undefined> {
  const refusal = Refusal.safeParse(await bodyOf(response))
  return refusal.success ? refusal.data.code : undefined
}

/** 408 and 5xx do not say whether the request was carried out. */
export const isUnsure = ({ status }: Response): boolean => status >= 500 || status === 408

/** When a resource was made, in milliseconds; one that does not say may be as young as can be. */
export function createdAt({ date_created }: { date_created?: string | null | undefined }): number {
  const at = Date.parse(date_created ?? '')
  return Number.isNaN(at) ? Number.MAX_SAFE_INTEGER : at
}

/** Whether a resource may stem from an order that was sent at `since` (milliseconds). */
export const isSince = (
  resource: { date_created?: string | null | undefined },
  since: number,
): boolean => createdAt(resource) >= since - CLOCK_SKEW_MS

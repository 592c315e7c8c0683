import { AppError, systemClock } from '@menagerie/core'
import type { Context } from 'hono'
import { type App, settingsOf } from '../../context.ts'
import { bodyHashParameter, isBodyOf, isSignedByTwilio } from './signature.ts'
import { readForm, readJson } from './signed-form.ts'

const MAX_BODY_BYTES = 64 * 1024
/** A carrier tries a webhook for an hour by its own clock; what is older was kept by somebody else. */
const STALE_MS = 3 * 60 * 60_000

/**
 * The fields of a webhook of our carrier: a form, or JSON whose hash the address carries.
 *
 * @throws AppError `unsupported_media_type`, `payload_too_large`, or `invalid_signature` for what the carrier did not
 * sign, or signed long ago
 */
export async function signedFields(c: Context<App>): Promise<URLSearchParams> {
  const type = c.req.header('content-type')?.split(';')[0]?.trim().toLowerCase()
  const hashed = new URL(c.req.url).searchParams.has(bodyHashParameter)
  const isForm = type === 'application/x-www-form-urlencoded'
  if (!isForm && !(hashed && type === 'application/json'))
    throw new AppError('unsupported_media_type', 'Send application/x-www-form-urlencoded')
  const body = new Uint8Array(await c.req.arrayBuffer())
  if (body.byteLength > MAX_BODY_BYTES)
    throw new AppError('payload_too_large', 'The body is too large')
  const fields = isForm ? readForm(body) : readJson(new TextDecoder().decode(body))
  if (fields === undefined || !(await isSigned(c, hashed ? undefined : fields, body)))
    throw new AppError('invalid_signature', 'The signature is not that of our carrier')
  const age = systemClock().now() - Date.parse(fields.get('Timestamp') ?? '')
  if (age > STALE_MS) throw new AppError('invalid_signature', 'The webhook is stale')
  return fields
}

/** @param form the signed fields; `undefined` where the signed address carries the hash of the body */
async function isSigned(
  c: Context<App>,
  form: URLSearchParams | undefined,
  body: Uint8Array,
): Promise<boolean> {
  const { CARRIER_AUTH_TOKEN, CARRIER_SECONDARY_AUTH_TOKEN, PUBLIC_URL } = settingsOf(c.env)
  const tokens = [CARRIER_AUTH_TOKEN, CARRIER_SECONDARY_AUTH_TOKEN].filter(
    (token) => token !== undefined,
  )
  const { pathname, search } = new URL(c.req.url)
  const signature = c.req.header('x-twilio-signature')
  // The address that we handed out, never what the `Host` header says; the gateway takes `/v1` off the path.
  const base = PUBLIC_URL.replace(/\/$/, '')
  for (const url of [`${base}${pathname}${search}`, `${base}/v1${pathname}${search}`]) {
    const request = { url, form: form ?? new URLSearchParams(), signature }
    if (!(await isSignedByTwilio(tokens, request))) continue
    return form !== undefined || isBodyOf(url, body)
  }
  return false
}

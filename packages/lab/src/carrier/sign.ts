import { createHmac } from 'node:crypto'

/**
 * `X-Twilio-Signature`: base64 of HMAC-SHA1 over the address and every parameter, sorted by name
 * (twilio.com/docs/usage/webhooks/webhooks-security).
 */
export function sign(
  authToken: string,
  url: string,
  form: readonly (readonly [string, string])[],
): string {
  const sorted = [...form].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
  const text = url + sorted.map(([name, value]) => `${name}${value}`).join('')
  return createHmac('sha1', authToken).update(text).digest('base64')
}

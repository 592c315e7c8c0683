import { secretsEqual } from '@menagerie/core'

const encoder = new TextEncoder()

/**
 * Twilio's signature of a form request: base64 of HMAC-SHA1, keyed by the account's token, over the address as the
 * carrier saw it and every POST parameter, sorted by name, name and value without a separator; equal values of one
 * name count once (twilio.com/docs/usage/webhooks/webhooks-security).
 */
export async function twilioSignature(
  authToken: string,
  url: string,
  form: URLSearchParams,
): Promise<string> {
  const key = await crypto.subtle.importKey(
    'raw',
    encoder.encode(authToken),
    { name: 'HMAC', hash: 'SHA-1' },
    false,
    ['sign'],
  )
  const names = [...new Set(form.keys())].sort()
  const text = names.flatMap((name) =>
    [...new Set(form.getAll(name))].sort().map((value) => `${name}${value}`),
  )
  const mac = await crypto.subtle.sign('HMAC', key, encoder.encode(url + text.join('')))
  return btoa(String.fromCharCode(...new Uint8Array(mac)))
}

/** Whether a signature is right, with or without a port in the address: Twilio signs either, as its own packages know. */
export async function isSignedByTwilio(
  authToken: string,
  url: string,
  form: URLSearchParams,
  signature: string | undefined,
): Promise<boolean> {
  if (signature === undefined) return false
  const checks = await Promise.all(
    [withStandardPort(url), withoutPort(url)].map(async (seen) =>
      secretsEqual(await twilioSignature(authToken, seen, form), signature),
    ),
  )
  return checks.includes(true)
}

function withStandardPort(url: string): string {
  const [, scheme = '', host = '', rest = ''] = /^(https?):\/\/([^/?#]+)(.*)$/.exec(url) ?? []
  if (host === '' || /:\d+$/.test(host)) return url
  return `${scheme}://${host}:${scheme === 'https' ? 443 : 80}${rest}`
}

const withoutPort = (url: string): string =>
  url.replace(/^(https?:\/\/[^/?#]+?):\d+(?=[/?#]|$)/, '$1')

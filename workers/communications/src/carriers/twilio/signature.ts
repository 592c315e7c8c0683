import { createHash } from 'node:crypto'
import { parse, stringify } from 'node:querystring'
import { secretsEqual } from '@menagerie/core'

const encoder = new TextEncoder()

/** A request that says it is the carrier's. */
export interface SignedRequest {
  /** The address as the carrier was told it, with its query. */
  url: string
  /** The fields of a form; none where the address carries the body's hash. */
  form: URLSearchParams
  /** The `X-Twilio-Signature` header. */
  signature: string | undefined
}

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
  return (await signer(authToken))(url, form)
}

/**
 * Whether one of our tokens made the signature, over the address as it came or one of the forms in which a carrier
 * behind a proxy may have seen it: with or without a port, with characters of the query escaped or not. Twilio's own
 * packages try the same ones.
 */
export async function isSignedByTwilio(
  authTokens: readonly string[],
  { url, form, signature }: SignedRequest,
): Promise<boolean> {
  if (signature === undefined) return false
  for (const token of authTokens) {
    const sign = await signer(token)
    for (const seen of seenAs(url))
      if (await secretsEqual(await sign(seen, form), signature)) return true
  }
  return false
}

/** The parameter of an address that carries its body's hash, for bodies that are no forms. */
export const bodyHashParameter = 'bodySHA256'

/**
 * Whether a signed address vouches for a body: SHA-256 in lower-case hex
 * (twilio.com/docs/usage/webhooks/webhooks-security, "JSON bodies"). Of the bytes as they came: several may read as the
 * same text.
 */
export const isBodyOf = (url: string, body: Uint8Array): Promise<boolean> =>
  secretsEqual(
    createHash('sha256').update(body).digest('hex'),
    new URL(url).searchParams.get(bodyHashParameter) ?? '',
  )

async function signer(authToken: string) {
  const key = await crypto.subtle.importKey(
    'raw',
    encoder.encode(authToken),
    { name: 'HMAC', hash: 'SHA-1' },
    false,
    ['sign'],
  )
  return async (url: string, form: URLSearchParams): Promise<string> => {
    const names = [...new Set(form.keys())].sort()
    const text = names.flatMap((name) =>
      [...new Set(form.getAll(name))].sort().map((value) => `${name}${value}`),
    )
    const mac = await crypto.subtle.sign('HMAC', key, encoder.encode(url + text.join('')))
    return btoa(String.fromCharCode(...new Uint8Array(mac)))
  }
}

/** The forms of an address that Twilio's packages try, the likeliest first. */
function seenAs(url: string): Set<string> {
  const parsed = URL.canParse(url) ? new URL(url).toString() : url
  const escaped = [parsed, withLegacyQuery(parsed)].filter((other) => differsByEscapes(url, other))
  return new Set([url, ...escaped].flatMap((seen) => [withoutPort(seen), withStandardPort(seen)]))
}

/** An escape more or less is two characters; a single one is another request, and never signed by accident. */
const differsByEscapes = (url: string, other: string): boolean =>
  Math.abs(other.length - url.length) > 1

/** The query escaped as Node's `querystring` does, which signed for Twilio once. */
function withLegacyQuery(url: string): string {
  const at = url.indexOf('?')
  return at < 0 ? url : `${url.slice(0, at)}?${stringify(parse(url.slice(at + 1)))}`
}

function withStandardPort(url: string): string {
  const [, scheme = '', host = '', rest = ''] = /^(https?):\/\/([^/?#]+)(.*)$/.exec(url) ?? []
  if (host === '' || /:\d+$/.test(host)) return url
  return `${scheme}://${host}:${scheme === 'https' ? 443 : 80}${rest}`
}

const withoutPort = (url: string): string =>
  url.replace(/^(https?:\/\/[^/?#]+?):\d+(?=[/?#]|$)/, '$1')

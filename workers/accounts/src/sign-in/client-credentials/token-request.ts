import { err, ok, type Result } from '@menagerie/core'
import { invalidClient, invalidRequest, type OAuthRefusal } from './oauth-refusal.ts'

/** A request to the token endpoint, before anybody looked at it. */
export interface RawTokenRequest {
  /** The query with its `?`, or nothing. */
  query: string
  contentType: string | undefined
  authorization: string | undefined
  body: string
}

/** Who says to be which client. */
export interface ClientClaim {
  clientId: string
  secret: string
}

/**
 * Reads a request for a client's own token (RFC 6749 §4.4.2): the grant, and the client by `Basic` or by the body
 * (§2.3.1), never by both.
 */
export function readTokenRequest(request: RawTokenRequest): Result<ClientClaim, OAuthRefusal> {
  // Addresses end in logs: nothing of a token request may stand in one (§2.3.1).
  if (request.query !== '' && request.query !== '?')
    return err(invalidRequest('Send the parameters in the body, not in the address'))
  const type = request.contentType?.split(';')[0]?.trim().toLowerCase()
  if (type !== 'application/x-www-form-urlencoded')
    return err(invalidRequest('Send Content-Type: application/x-www-form-urlencoded'))
  const form = new URLSearchParams(request.body)
  const names = [...form.keys()]
  if (new Set(names).size !== names.length) return err(invalidRequest('Send each parameter once'))
  const grantType = form.get('grant_type')
  if (!grantType) return err(invalidRequest('Send grant_type'))
  if (grantType !== 'client_credentials')
    return err({
      error: 'unsupported_grant_type',
      error_description: 'The one grant here is client_credentials',
    })
  return readClient(form, request.authorization)
}

function readClient(
  form: URLSearchParams,
  authorization: string | undefined,
): Result<ClientClaim, OAuthRefusal> {
  const named = form.get('client_id')
  const secret = form.get('client_secret')
  if (authorization === undefined)
    return named && secret ? ok({ clientId: named, secret }) : err(invalidClient)
  if (secret !== null)
    return err(invalidRequest('Send the secret in one place: the header or the body'))
  const claim = readBasic(authorization)
  if (claim === undefined) return err(invalidClient)
  if (named !== null && named !== claim.clientId)
    return err(invalidRequest('client_id is not the client of the header'))
  return ok(claim)
}

/** Both parts are form-encoded before the base64 of RFC 7617, so that a `:` cannot be misread (RFC 6749 §2.3.1). */
function readBasic(header: string): ClientClaim | undefined {
  const credentials = /^Basic +([\w+/=-]+)$/i.exec(header)?.[1]
  if (credentials === undefined) return undefined
  try {
    const bytes = Uint8Array.from(atob(credentials), (char) => char.charCodeAt(0))
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes)
    const colon = text.indexOf(':')
    if (colon === -1) return undefined
    const clientId = formDecoded(text.slice(0, colon))
    const secret = formDecoded(text.slice(colon + 1))
    return clientId === '' || secret === '' ? undefined : { clientId, secret }
  } catch {
    return undefined
  }
}

/** @throws URIError for a `%` that no byte follows */
const formDecoded = (text: string): string => decodeURIComponent(text.replaceAll('+', ' '))

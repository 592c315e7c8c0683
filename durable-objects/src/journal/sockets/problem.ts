import { type ErrorCode, errorCodes, type FieldError, problemMediaType } from '@menagerie/contracts'

/** Why an upgrade is refused. */
export interface Refusal {
  code: ErrorCode
  detail: string
  errors?: FieldError[]
  retryAfterSeconds?: number
}

/** The refusal of an upgrade as problem+json (RFC 9457), before any socket exists. */
export function problemResponse(request: Request, refusal: Refusal): Response {
  const { code, detail, errors, retryAfterSeconds } = refusal
  const { status, title } = errorCodes[code]
  const headers = new Headers({ 'content-type': problemMediaType, 'cache-control': 'no-store' })
  if (status === 401) headers.set('www-authenticate', 'Bearer')
  if (status === 426) headers.set('upgrade', 'websocket')
  if (retryAfterSeconds !== undefined) headers.set('retry-after', String(retryAfterSeconds))
  const body = {
    type: 'about:blank',
    title,
    status,
    detail,
    instance: new URL(request.url).pathname,
    code,
    requestId: request.headers.get('x-request-id') ?? '',
    ...(errors === undefined ? {} : { errors }),
  }
  return new Response(JSON.stringify(body), { status, headers })
}

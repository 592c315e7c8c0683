import { errorCodes, type Meta, type Problem, problemMediaType } from '@menagerie/contracts'
import type { AppEnv } from './app.ts'
import type { AppError } from './app-error.ts'

/** What these need of a context, whatever else a Worker's own holds. */
export interface ResponseContext {
  readonly var: Readonly<AppEnv['Variables']>
  readonly req: { readonly url: string }
  header(name: string, value: string): void
}

/** The `meta` of a success. */
export function meta(c: ResponseContext, nextCursor?: string): Meta {
  return { requestId: c.var.requestId, ...(nextCursor === undefined ? {} : { nextCursor }) }
}

/** `{data, meta}`, the body of a success. */
export const data = <T>(c: ResponseContext, value: T): { data: T; meta: Meta } => ({
  data: value,
  meta: meta(c),
})

/** A page and, where there is more, its cursor and `Link: rel="next"` (RFC 8288). */
export function page<T>(
  c: ResponseContext,
  items: T[],
  nextCursor?: string,
): { data: T[]; meta: Meta } {
  if (nextCursor !== undefined) {
    const next = new URL(c.req.url)
    next.searchParams.set('cursor', nextCursor)
    c.header('Link', `<${next.pathname}${next.search}>; rel="next"`)
  }
  return { data: items, meta: meta(c, nextCursor) }
}

/** The problem that stands for an error (RFC 9457). */
export function toProblem(error: AppError, instance: string, requestId: string): Problem {
  return {
    ...error.options.members,
    type: `urn:menagerie:problem:${error.code}`,
    title: errorCodes[error.code].title,
    status: error.status,
    detail: error.message,
    instance,
    code: error.code,
    requestId,
    ...(error.options.errors ? { errors: error.options.errors } : {}),
  }
}

/** The response of an error, with the headers its status asks for. */
export function problemResponse(error: AppError, instance: string, requestId: string): Response {
  const headers = new Headers({
    'content-type': problemMediaType,
    'x-request-id': requestId,
    'cache-control': 'no-store',
  })
  for (const [name, value] of Object.entries(error.options.headers ?? {})) headers.set(name, value)
  if (error.status === 401) headers.set('www-authenticate', 'Bearer realm="menagerie"')
  const retryAfter =
    error.options.retryAfterSeconds ?? ([429, 503, 507].includes(error.status) ? 1 : undefined)
  if (retryAfter !== undefined) headers.set('retry-after', String(retryAfter))
  // One item, none left, and when there is again (draft-ietf-httpapi-ratelimit-headers §4).
  if (error.status === 429) headers.set('ratelimit', `"default";r=0;t=${retryAfter}`)
  return new Response(JSON.stringify(toProblem(error, instance, requestId)), {
    status: error.status,
    headers,
  })
}

/** The headers of every answer, whatever its status: JSON may load nothing and is not kept unless it says so. */
const always: Readonly<Record<string, string>> = {
  'strict-transport-security': 'max-age=31536000; includeSubDomains',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
  'cross-origin-opener-policy': 'same-origin',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cache-control': 'no-store',
  vary: 'Origin',
}

/**
 * Adds the headers of every answer where they are missing. What a service answered has them already and passes through
 * the gateway untouched, which spares the copy of its body; so does an upgrade, which carries its socket.
 */
export function addHeaders(c: { res: Response }, requestId: string): void {
  if (c.res.status === 101) return
  // Only this function sets it: where it stands, all of them do.
  if (c.res.headers.has('x-frame-options')) return
  const missing = Object.entries({ ...always, 'x-request-id': requestId }).filter(
    ([name]) => !c.res.headers.has(name),
  )
  if (missing.length === 0) return
  try {
    for (const [name, value] of missing) c.res.headers.set(name, value)
  } catch {
    // What an object or a binding answered has headers that cannot be changed.
    const copy = new Response(c.res.body, c.res)
    for (const [name, value] of missing) copy.headers.set(name, value)
    c.res = copy
  }
}

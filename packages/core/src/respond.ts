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

/**
 * Sets headers of the response in a context. One copy at most: Hono's own `header` copies a finished response at every
 * call. The response of an upgrade carries its socket and passes as it is.
 */
export function setHeaders(c: { res: Response }, headers: Readonly<Record<string, string>>): void {
  if (c.res.status === 101) return
  const entries = Object.entries(headers)
  try {
    for (const [name, value] of entries) c.res.headers.set(name, value)
  } catch {
    // What another Worker answered has headers that cannot be changed.
    const copy = new Response(c.res.body, c.res)
    for (const [name, value] of entries) copy.headers.set(name, value)
    c.res = copy
  }
}

import { AppError, toTraceparent } from '@menagerie/core'
import type { Context } from 'hono'
import { readBody } from './body.ts'
import type { App, Env } from './context.ts'
import type { RouteEntry } from './route-table.ts'

/** Never taken from outside: the first are ours to set, the second belong to one connection (RFC 9110 §7.6.1). */
const strippedPrefixes = [
  'x-user-',
  'x-service-',
  'x-internal-',
  'x-forwarded-',
  'x-account-',
  'x-menagerie-',
]
const stripped = [
  'forwarded',
  'connection',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'proxy-authorization',
  'host',
]

const bindings = {
  accounts: 'ACCOUNTS',
  communications: 'COMMUNICATIONS',
  devices: 'DEVICES',
  notifications: 'NOTIFICATIONS',
  reports: 'REPORTS',
  admin: 'ADMIN',
} as const satisfies Record<string, keyof Env>

/** The binding of a service that stands behind the gateway. */
export function serviceBinding(env: Env, name: string): Fetcher {
  const binding = bindings[name as keyof typeof bindings]
  if (!binding)
    throw new AppError('internal_error', 'Something went wrong', {
      cause: `no binding for ${name}`,
    })
  return env[binding]
}

/**
 * Hands a request to the service of its route: same method, path without `/v1`, body and token; with our request id and
 * trace, without what nobody outside may claim. Tries again where that is safe.
 *
 * @throws AppError `timeout` after the route's time, `unavailable` when the service cannot be reached
 */
export async function forward(c: Context<App>, entry: RouteEntry, path: string): Promise<Response> {
  const url = new URL(c.req.url)
  const target = `${c.env.PUBLIC_URL.replace(/\/$/, '')}${path}${url.search}`
  const body = await readBody(c.req.raw, entry.bodyLimitBytes)
  const headers = forwardedHeaders(c)
  const service = serviceBinding(c.env, entry.target.name)
  const repeatable = c.req.method === 'GET' || c.req.header('idempotency-key') !== undefined
  const tries = repeatable ? entry.retry + 1 : 1

  for (let attempt = 1; ; attempt++) {
    try {
      return await send(
        service,
        target,
        { method: c.req.method, headers, ...(body ? { body } : {}) },
        entry.timeoutMs,
      )
    } catch (error) {
      if (error instanceof AppError || attempt >= tries) throw asUnavailable(error)
      c.get('line').add({ retries: attempt })
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 100 * attempt))
    }
  }
}

async function send(
  service: Fetcher,
  url: string,
  init: RequestInit,
  timeoutMs: number,
): Promise<Response> {
  const abort = new AbortController()
  // Ends with the headers: a long download and a socket may go on for as long as they like.
  const timer = setTimeout(() => abort.abort(), timeoutMs)
  try {
    return await service.fetch(url, {
      ...init,
      signal: abort.signal,
      redirect: 'manual',
    } as RequestInit)
  } catch (error) {
    if (abort.signal.aborted) {
      throw new AppError('timeout', 'The service took too long; try again', {
        retryAfterSeconds: 1,
        cause: error,
      })
    }
    throw error
  } finally {
    clearTimeout(timer)
  }
}

function asUnavailable(error: unknown): AppError {
  if (error instanceof AppError) return error
  return new AppError('unavailable', 'The service cannot be reached now; try again', {
    retryAfterSeconds: 1,
    cause: error,
  })
}

function forwardedHeaders(c: Context<App>): Headers {
  const headers = new Headers(c.req.raw.headers)
  for (const name of [...headers.keys()]) {
    if (stripped.includes(name) && name !== 'connection') headers.delete(name)
    if (strippedPrefixes.some((prefix) => name.startsWith(prefix))) headers.delete(name)
  }
  headers.set('x-request-id', c.get('requestId'))
  headers.set('traceparent', toTraceparent(c.get('trace')))
  return headers
}

import { AppError, toTraceparent } from '@menagerie/core'
import type { Context } from 'hono'
import { addressOf } from './address.ts'
import { readBody } from './body.ts'
import type { App, Env } from './context.ts'
import type { RouteEntry } from './route-table.ts'

/**
 * Never taken from outside: what is ours to say, where a request comes from (`addressOf` tells), and what belongs to one
 * connection (RFC 9110 §7.6.1).
 */
const stripped =
  /^(?:x-username|x-(?:user|service|internal|forwarded|account|menagerie)-.*|forwarded|x-real-ip|true-client-ip|x-client-ip|x-cluster-client-ip|cf-connecting-ipv6|cf-pseudo-ipv4|keep-alive|te|trailer|transfer-encoding|proxy-authorization|host)$/

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
  const headers = forwardedHeaders(c, entry)
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

/** @param timeoutMs for the whole answer; 0 for a socket, which lasts as long as it likes */
async function send(
  service: Fetcher,
  url: string,
  init: RequestInit,
  timeoutMs: number,
): Promise<Response> {
  const signal = timeoutMs > 0 ? AbortSignal.timeout(timeoutMs) : undefined
  try {
    return await service.fetch(url, { ...init, redirect: 'manual', ...(signal ? { signal } : {}) })
  } catch (error) {
    if (!signal?.aborted) throw error
    throw new AppError('timeout', 'The service took too long; try again', {
      retryAfterSeconds: 1,
      cause: error,
    })
  }
}

function asUnavailable(error: unknown): AppError {
  if (error instanceof AppError) return error
  return new AppError('unavailable', 'The service cannot be reached now; try again', {
    retryAfterSeconds: 1,
    cause: error,
  })
}

/** One pass over the platform's headers: each look into them costs more than the rest of it. */
function forwardedHeaders(c: Context<App>, entry: RouteEntry): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const [name, value] of c.req.raw.headers) if (!stripped.test(name)) headers[name] = value
  // Only accounts has cookies; to everybody else they are somebody's sign-in.
  if (entry.target.name !== 'accounts') delete headers.cookie
  if (headers['cf-connecting-ip'] !== undefined) headers['cf-connecting-ip'] = addressOf(c)
  return Object.assign(headers, traceHeaders(c))
}

/** What makes a request to a service part of the one it serves. */
export const traceHeaders = (c: Context<App>): Record<string, string> => ({
  'x-request-id': c.get('requestId'),
  traceparent: toTraceparent(c.get('trace')),
})

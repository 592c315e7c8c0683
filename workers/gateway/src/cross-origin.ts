import type { MiddlewareHandler } from 'hono'
import { cors } from 'hono/cors'
import { type App, allowedOrigins } from './context.ts'

const answer: MiddlewareHandler<App> = cors({
  origin: (origin, c) => (allowedOrigins(c.env).includes(origin) ? origin : null),
  allowHeaders: [
    'Authorization',
    'Content-Type',
    'Idempotency-Key',
    'If-Match',
    'Traceparent',
    'X-Request-Id',
  ],
  allowMethods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
  exposeHeaders: [
    'ETag',
    'Idempotent-Replayed',
    'Link',
    'RateLimit',
    'Retry-After',
    'X-Request-Id',
  ],
  maxAge: 600,
})

/** Lets pages of the allowed origins call the API, without cookies. A request without `Origin` is no page's. */
export const crossOrigin: MiddlewareHandler<App> = (c, next) =>
  c.req.header('origin') === undefined ? next() : answer(c, next)

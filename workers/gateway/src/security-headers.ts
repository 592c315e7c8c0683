import { setHeaders } from '@menagerie/core'
import type { MiddlewareHandler } from 'hono'
import type { App } from './context.ts'

const everywhere = {
  'Strict-Transport-Security': 'max-age=31536000; includeSubDomains',
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'X-Frame-Options': 'DENY',
  'Cross-Origin-Opener-Policy': 'same-origin',
  Vary: 'Origin',
} as const

const api = "default-src 'none'; frame-ancestors 'none'"
const pages =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/** The headers of every answer, whatever its status; JSON may load nothing, pages only their own files. */
export const securityHeaders: MiddlewareHandler<App> = async (c, next) => {
  await next()
  const isPage = /^text\/(html|css|javascript)/.test(c.res.headers.get('content-type') ?? '')
  const mayBeKept = isPage || c.res.headers.has('cache-control')
  setHeaders(c, {
    ...everywhere,
    'Content-Security-Policy': isPage ? pages : api,
    ...(mayBeKept ? {} : { 'Cache-Control': 'no-store' }),
  })
}

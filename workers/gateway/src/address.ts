import type { Context } from 'hono'
import type { App } from './context.ts'

/**
 * Where a request comes from. Cloudflare overwrites `cf-connecting-ip` with what it saw; the development server lets a
 * client's own one pass, so there it is not looked at: everybody on a loopback address is one (S49).
 */
export const addressOf = (c: Context<App>): string =>
  c.env.ENVIRONMENT === 'development'
    ? '127.0.0.1'
    : (c.req.header('cf-connecting-ip') ?? 'unknown')

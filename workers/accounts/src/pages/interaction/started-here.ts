import type { Context } from 'hono'
import { getCookie } from 'hono/cookie'
import type { App } from '../../context.ts'

/**
 * Whether the browser is the one an interaction was begun in: the engine gave it a cookie for this path. Else anybody could
 * begin a sign-in, have somebody else finish it by its address, and be signed in as them (RFC 9700 §4.7).
 */
export const startedHere = (c: Context<App>, uid: string): boolean =>
  getCookie(c, 'interaction', 'secure') === uid

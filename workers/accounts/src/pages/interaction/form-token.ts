import { randomToken, secretsEqual } from '@menagerie/core'
import type { Context } from 'hono'
import { getCookie, setCookie } from 'hono/cookie'
import { type App, settingsOf } from '../../context.ts'
import { keyedHash } from '../../secrets.ts'

/** Names the browser, for as long as it is open. */
const COOKIE = 'menagerie-browser'

/** Ours alone, of this host and every path, sent over TLS or to this machine, never by another site's POST (S27). */
export const cookieFlags = {
  prefix: 'host',
  path: '/',
  secure: true,
  httpOnly: true,
  sameSite: 'Lax',
} as const

/** The token of a form for one interaction in this browser; a browser without a name gets one. */
export async function formToken(c: Context<App>, uid: string): Promise<string> {
  const known = getCookie(c, COOKIE, 'host')
  const browser = known ?? randomToken(16)
  if (known === undefined) setCookie(c, COOKIE, browser, cookieFlags)
  return tokenOf(c, uid, browser)
}

/** Whether a form was made for this interaction and this browser (S28). */
export async function isFormToken(c: Context<App>, uid: string, token: string): Promise<boolean> {
  const browser = getCookie(c, COOKIE, 'host')
  return browser !== undefined && (await secretsEqual(token, await tokenOf(c, uid, browser)))
}

const tokenOf = (c: Context<App>, uid: string, browser: string): Promise<string> =>
  keyedHash(
    settingsOf(c.env).KEY_ENCRYPTION_KEY,
    'menagerie page forms',
    JSON.stringify([uid, browser]),
  )

import { seal, unseal } from '@menagerie/core'
import type { Context } from 'hono'
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'
import { z } from 'zod'
import { type App, settingsOf } from '../../context.ts'
import { SECOND_FACTOR_MS } from '../../sign-in/authenticate.ts'
import { cookieFlags } from './form-token.ts'

/** A sign-in between its two factors. */
const Pending = z.strictObject({
  mfaToken: z.string(),
  /** Where codes were sent. */
  sent: z.array(z.enum(['sms', 'email'])),
})
export type Pending = z.infer<typeof Pending>

const COOKIE = 'menagerie-sign-in'
const PURPOSE = 'menagerie pending sign-ins'

/** Keeps it in the browser, where no script and no address has it, sealed for this one interaction. */
export async function keepPending(c: Context<App>, uid: string, pending: Pending): Promise<void> {
  const { KEY_ENCRYPTION_KEY } = settingsOf(c.env)
  const sealed = await seal(KEY_ENCRYPTION_KEY, PURPOSE, JSON.stringify(pending), uid)
  setCookie(c, COOKIE, sealed, { ...cookieFlags, maxAge: SECOND_FACTOR_MS / 1000 })
}

/** What is kept of an interaction; `undefined` where there is nothing, or of another one. */
export async function readPending(c: Context<App>, uid: string): Promise<Pending | undefined> {
  const sealed = getCookie(c, COOKIE, 'host')
  if (sealed === undefined) return undefined
  try {
    const { KEY_ENCRYPTION_KEY } = settingsOf(c.env)
    return Pending.parse(JSON.parse(await unseal(KEY_ENCRYPTION_KEY, PURPOSE, sealed, uid)))
  } catch {
    // Another tab's, or made up: then there is no first factor, and it is asked for again.
    return undefined
  }
}

/** Over, one way or another. */
export const dropPending = (c: Context<App>): void => {
  deleteCookie(c, COOKIE, cookieFlags)
}

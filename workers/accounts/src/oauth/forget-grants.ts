import type { Env } from '../context.ts'
import { forgetBrowserSession } from './browser-session.ts'
import { TOMBSTONE_MS } from './end-grant.ts'
import { signInDetails } from './exchange.ts'
import { grantStore } from './places.ts'

/**
 * Forgets what the engine keeps of an account that is deleted, before its sessions are: they alone tell its grants. What
 * belongs to none of them goes by itself within half a day. May be repeated.
 */
export async function forgetGrants(env: Env, accountId: string): Promise<void> {
  const sessions = await env.USER_SESSIONS.getByName(accountId).list()
  for (const { sid } of sessions) {
    const uid = (await signInDetails(env, sid))?.sessionUid
    if (uid !== undefined) await forgetBrowserSession(env, uid, sid)
    await grantStore(env, sid).end(TOMBSTONE_MS)
  }
}

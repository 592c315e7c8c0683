import type { AuthorizationCode, DeviceCode, Provider, Session } from 'oidc-provider'
import { type Env, settingsOf } from '../context.ts'
import { EngineAdapter } from './adapter.ts'
import { endSession } from './end-grant.ts'
import { modelOf } from './models/model.ts'
import { shardOf } from './places.ts'
import { currentContext, traceparentOf } from './request-notes.ts'

/** A browser stays signed in for half a day, however much it is used. */
export const BROWSER_SESSION_SECONDS = 12 * 3_600

/** For how long a browser's session is kept: to its end, counted from its last sign-in. By the engine's clock. */
export function browserSessionSeconds({ loginTs }: { loginTs?: number | undefined }): number {
  const age = loginTs === undefined ? 0 : Math.floor(Date.now() / 1000) - loginTs
  return Math.max(1, BROWSER_SESSION_SECONDS - age)
}

/** The model of a browser session's sessions; each browser session has a model of its own, so that they can be listed. */
const linksOf = (uid: string): string => `Grants of ${uid}`

/** Remembers which browser session a grant was made in, so that a sign-out there ends the app's session too. */
export async function linkGrant(env: Env, code: AuthorizationCode | DeviceCode): Promise<void> {
  const { grantId, sessionUid } = code
  if (grantId === undefined || sessionUid === undefined) return
  const { store } = await shardOf(env, `uid:${sessionUid}`)
  await store.put({
    model: linksOf(sessionUid),
    id: grantId,
    payload: JSON.stringify(grantId),
    lifetimeMs: Number(settingsOf(env).REFRESH_TOKEN_SECONDS) * 1000,
  })
}

/** A sign-out ends the browser's session and every session that was opened through it (RP-Initiated Logout 1.0 §2). */
export function overrideSession(provider: Provider, env: Env): void {
  const model = modelOf<Session>(provider.Session)
  const destroy = model.prototype.destroy
  model.prototype.destroy = async function () {
    if (this.accountId !== undefined) await endLinked(env, this.uid, this.accountId)
    await destroy.call(this)
  }
}

async function endLinked(env: Env, uid: string, accountId: string): Promise<void> {
  const { store, grantIds } = await linked(env, uid)
  const traceparent = traceparentOf(currentContext())
  for (const grantId of grantIds) {
    await endSession(env, accountId, grantId, 'logout', traceparent)
    await store.remove(linksOf(uid), grantId)
  }
}

/**
 * What became of the sessions that a browser's session opened. Who ends their sessions everywhere ends this way in, too.
 * Where one stands those that ended are forgotten, so that an app that asks at each start leaves no heap behind.
 */
export async function openedSessions(
  env: Env,
  uid: string,
  accountId: string,
): Promise<'none' | 'standing' | 'ended'> {
  const { store, grantIds } = await linked(env, uid)
  if (grantIds.length === 0) return 'none'
  const living = new Set(
    (await env.USER_SESSIONS.getByName(accountId).list()).map(({ sid }) => sid),
  )
  const ended = grantIds.filter((grantId) => !living.has(grantId))
  if (ended.length === grantIds.length) return 'ended'
  await Promise.all(ended.map((grantId) => store.remove(linksOf(uid), grantId)))
  return 'standing'
}

/** Forgets that a grant was made in a browser's session, and that session with it: its account is gone. */
export async function forgetBrowserSession(env: Env, uid: string, grantId: string): Promise<void> {
  const { store } = await shardOf(env, `uid:${uid}`)
  await store.remove(linksOf(uid), grantId)
  const sessions = new EngineAdapter(env, 'Session')
  const session = await sessions.findByUid(uid)
  if (session?.jti !== undefined) await sessions.destroy(session.jti)
}

async function linked(env: Env, uid: string) {
  const { store } = await shardOf(env, `uid:${uid}`)
  const rows = await store.list(linksOf(uid))
  return { store, grantIds: rows.map(({ payload }) => JSON.parse(payload) as string) }
}

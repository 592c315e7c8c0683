import type { AuthorizationCode, DeviceCode, Provider, Session } from 'oidc-provider'
import { type Env, settingsOf } from '../context.ts'
import { endSession } from './end-grant.ts'
import { modelOf } from './models/model.ts'
import { shardOf } from './places.ts'
import { currentContext, traceparentOf } from './request-notes.ts'

interface Link {
  accountId: string
  grantId: string
}

/** The model of a browser session's sessions; each browser session has a model of its own, so that they can be listed. */
const linksOf = (uid: string): string => `Grants of ${uid}`

/** Remembers which browser session a grant was made in, so that a sign-out there ends the app's session too. */
export async function linkGrant(env: Env, code: AuthorizationCode | DeviceCode): Promise<void> {
  const { accountId, grantId, sessionUid } = code
  if (accountId === undefined || grantId === undefined || sessionUid === undefined) return
  const { store } = await shardOf(env, `uid:${sessionUid}`)
  await store.put({
    model: linksOf(sessionUid),
    id: grantId,
    payload: JSON.stringify({ accountId, grantId } satisfies Link),
    lifetimeMs: Number(settingsOf(env).REFRESH_TOKEN_SECONDS) * 1000,
  })
}

/** A sign-out ends the browser's session and every session that was opened through it (RP-Initiated Logout 1.0 §2). */
export function overrideSession(provider: Provider, env: Env): void {
  const model = modelOf<Session>(provider.Session)
  const destroy = model.prototype.destroy
  model.prototype.destroy = async function () {
    await endLinked(env, this.uid)
    await destroy.call(this)
  }
}

async function endLinked(env: Env, uid: string): Promise<void> {
  const { store } = await shardOf(env, `uid:${uid}`)
  const links = (await store.list(linksOf(uid))).map((row) => JSON.parse(row.payload) as Link)
  const traceparent = traceparentOf(currentContext())
  for (const { accountId, grantId } of links) {
    await endSession(env, accountId, grantId, 'logout', traceparent)
    await store.remove(linksOf(uid), grantId)
  }
}

/**
 * Whether a browser's session may open another one without a sign-in: while it opened none yet, or one of those stands.
 * Who ends their sessions everywhere ends this way in, too.
 */
export async function hasLivingSessions(
  env: Env,
  uid: string,
  accountId: string,
): Promise<boolean> {
  const { store } = await shardOf(env, `uid:${uid}`)
  const links = (await store.list(linksOf(uid))).map((row) => JSON.parse(row.payload) as Link)
  if (links.length === 0) return true
  const living = new Set(
    (await env.USER_SESSIONS.getByName(accountId).list()).map(({ sid }) => sid),
  )
  return links.some(({ grantId }) => living.has(grantId))
}

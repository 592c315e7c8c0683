import type { Grant, KoaContextWithOIDC } from 'oidc-provider'
import type { Env } from '../context.ts'
import type { UserRow } from '../db/schema.ts'
import { openedSessions } from './browser-session.ts'
import { notes } from './request-notes.ts'
import { signedOutAt } from './signed-out.ts'
import { ownMs } from './verify-token.ts'

/** The end of a second of the engine's clock: what happened within it is taken to have come before. */
const endOf = (env: Env, seconds: number | undefined): number => ownMs(env, (seconds ?? 0) + 1)

const passwordIsNewer = (user: UserRow, at: number): boolean =>
  user.passwordChangedAt !== null && at < user.passwordChangedAt

/**
 * Whether a sign-in in a browser is over: the account is disabled or gone, has another password since, or all its sessions
 * were ended since. One of this moment has opened none yet, and may have waited on our pages all the same.
 */
export async function isSignInOvertaken(
  env: Env,
  { session, result }: KoaContextWithOIDC['oidc'],
): Promise<boolean> {
  if (session?.accountId === undefined) return false
  const { user } = notes()
  if (user === undefined || user.id !== session.accountId) return true
  const signedInAt = endOf(env, session.loginTs)
  if (passwordIsNewer(user, signedInAt)) return true
  const opened =
    result?.login === undefined ? await openedSessions(env, session.uid, user.id) : 'none'
  if (opened !== 'none') return opened === 'ended'
  return signedInAt < (await signedOutAt(env, user.id))
}

/** The same of what a user granted, and an app exchanges only now. */
export async function isGrantOvertaken(
  env: Env,
  user: UserRow,
  grant: Grant | undefined,
): Promise<boolean> {
  const grantedAt = endOf(env, grant?.iat)
  return passwordIsNewer(user, grantedAt) || grantedAt < (await signedOutAt(env, user.id))
}

import type { RevocationReason } from '@menagerie/contracts'
import type { Principal } from '@menagerie/core'
import type { Env } from '../context.ts'
import { forgetGrants } from '../oauth/forget-grants.ts'
import { markSignedOut } from '../oauth/signed-out.ts'
import { sessionError } from '../sign-in/session-error.ts'

export interface Ending {
  /** A session that stays. */
  except?: string
  reason: RevocationReason
  /** Who ends them; accounts itself unless given. */
  by?: Principal
}

/**
 * Ends all sessions of a user, or all but one: their tokens are refused at once on critical routes and within ten
 * seconds everywhere, and their sockets close; a code that was not exchanged yet opens none. Call it after the change that
 * is the reason is kept.
 *
 * @returns how many ended
 * @throws AppError `not_found` where `by` may not end them
 */
export async function endSessions(
  env: Env,
  userId: string,
  { except, reason, by }: Ending,
  traceparent: string,
): Promise<number> {
  await markSignedOut(env, userId)
  const ended = await env.USER_SESSIONS.getByName(userId).revokeAll(
    by ?? 'system',
    except === undefined ? {} : { except },
    reason,
    traceparent,
  )
  if (!ended.ok) throw sessionError(ended.error)
  return ended.value
}

/**
 * Makes every access token of a user void, as after a change of roles; refresh tokens stay good. Call it after the change
 * is kept.
 */
export async function expireTokens(env: Env, userId: string, traceparent: string): Promise<void> {
  const expired = await env.USER_SESSIONS.getByName(userId).expireTokens(traceparent)
  if (!expired.ok) throw sessionError(expired.error)
}

/** The account is deleted: its sessions end, none opens any more, and their history keeps no data. */
export async function eraseSessions(env: Env, userId: string, traceparent: string): Promise<void> {
  await forgetGrants(env, userId)
  const erased = await env.USER_SESSIONS.getByName(userId).erase(traceparent)
  if (!erased.ok) throw sessionError(erased.error)
}

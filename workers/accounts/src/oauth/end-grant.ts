import type { RevocationReason } from '@menagerie/contracts'
import type { Env } from '../context.ts'
import { grantStore } from './places.ts'
import { temporarilyUnavailable } from './refusals.ts'

/** For how long a grant that ended early takes nothing more: longer than any code of it lives. */
export const TOMBSTONE_MS = 3_600_000

/**
 * Ends a grant and the session it opened: what is kept of it goes first, so that a session which is being opened at this
 * moment finds it ended.
 *
 * @param owner the account's id, or the `sub` of a client that acts for itself
 */
export async function endGrant(
  env: Env,
  owner: string,
  grantId: string,
  reason: RevocationReason,
  traceparent: string,
): Promise<void> {
  await grantStore(env, grantId).end(TOMBSTONE_MS)
  await endSession(env, owner, grantId, reason, traceparent)
}

/** Ends a session; one that has ended already is no error. */
export async function endSession(
  env: Env,
  owner: string,
  sid: string,
  reason: RevocationReason,
  traceparent: string,
): Promise<void> {
  const sessions = env.USER_SESSIONS.getByName(owner)
  const ended = await sessions.revoke('system', sid, reason, traceparent)
  if (!ended.ok) throw temporarilyUnavailable(ended.error)
}

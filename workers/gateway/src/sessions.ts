import type { Principal } from '@menagerie/core'
import type { Env } from './context.ts'

/** How long a session that was alive is taken to be alive. */
const TRUST_MS = 10_000
const CACHE_LIMIT = 10_000

/** Until when each session known to this isolate is trusted. Only positive answers are kept. */
const trusted = new Map<string, number>()

/**
 * Whether the session of a token is still alive. The owner is asked at most every ten seconds for a session, and always
 * for critical routes.
 *
 * @param now milliseconds
 */
export async function isAlive(
  env: Env,
  principal: Principal,
  now: number,
  critical: boolean,
): Promise<boolean> {
  if (principal.kind !== 'user') return true
  if (!critical && (trusted.get(principal.sessionId) ?? 0) > now) return true
  const alive = await env.USER_SESSIONS.getByName(principal.id).alive(principal.sessionId)
  if (alive) trust(principal.sessionId, now)
  else forget(principal.sessionId)
  return alive
}

function trust(sessionId: string, now: number): void {
  if (trusted.size >= CACHE_LIMIT) trusted.clear()
  trusted.set(sessionId, now + TRUST_MS)
}

/** A revoked session is not trusted a moment longer, in this isolate at least. */
export function forget(sessionId: string): void {
  trusted.delete(sessionId)
}

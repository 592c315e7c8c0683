import { type Principal, STEP_UP_SECONDS, stepUpRequired } from '@menagerie/core'
import type { Env } from './context.ts'

/** How long a session that was alive is taken to be alive: ten seconds are promised, and an answer takes its time too. */
const TRUST_MS = 8_000
const CACHE_LIMIT = 10_000

/** What a session's owner answers for a token. */
export interface SessionState {
  alive: boolean
  /** When a second factor was last shown in the session, milliseconds since the epoch. */
  secondFactorAt: number | null
}

/** Until when a session is trusted for the tokens of one second. */
interface Trust {
  issuedAt: number
  until: number
}

/** What this isolate knows of sessions. Only positive answers are kept. */
const trusted = new Map<string, Trust>()

/**
 * The session of a token: whether it is still alive and the token not void. The owner is asked at most every ten seconds
 * for a token, and always with `fresh`. Clients that act for themselves have sessions too.
 *
 * @param now milliseconds
 * @returns `undefined` for what was alive within the last ten seconds, and for services, which have no session
 */
export async function sessionOf(
  env: Pick<Env, 'USER_SESSIONS'>,
  principal: Principal,
  now: number,
  fresh: boolean,
): Promise<SessionState | undefined> {
  if (principal.kind === 'service') return undefined
  const { id, sessionId, issuedAt } = principal
  if (!fresh) {
    const trust = trusted.get(sessionId)
    if (trust !== undefined && trust.issuedAt <= issuedAt && trust.until > now) return undefined
  }
  const state = await env.USER_SESSIONS.getByName(id).check(sessionId, issuedAt / 1000)
  if (state.alive) remember(sessionId, { issuedAt, until: now + TRUST_MS })
  else forget(sessionId)
  return state
}

/**
 * For the routes that ask for it: a second factor shown in this session within five minutes, and a token that says so.
 *
 * @throws AppError `step_up_required`
 */
export function requireStepUp(
  principal: Principal,
  state: SessionState | undefined,
  now: number,
): void {
  const shown = state?.secondFactorAt ?? null
  if (principal.acr === '2' && shown !== null && now - shown <= STEP_UP_SECONDS * 1000) return
  throw stepUpRequired()
}

function remember(sessionId: string, trust: Trust): void {
  if (trusted.size >= CACHE_LIMIT) trusted.clear()
  trusted.set(sessionId, trust)
}

/** A revoked session is not trusted a moment longer, in this isolate at least. */
export function forget(sessionId: string): void {
  trusted.delete(sessionId)
}

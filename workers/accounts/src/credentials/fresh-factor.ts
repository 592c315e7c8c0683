import { AppError, clockOf, type Principal, STEP_UP_SECONDS, stepUpRequired } from '@menagerie/core'
import type { SessionView } from '@menagerie/durable-objects/user-sessions'
import type { Env } from '../context.ts'
import type { UserRow } from '../db/schema.ts'
import { factorsOf, hasSecondFactor } from './factors.ts'

/** How long a sign-in is good for setting up the first second factor (ASVS 7.5.1). */
export const RECENT_SIGN_IN_MS = 15 * 60_000

/**
 * Asks the session's owner whether a second factor was shown within five minutes.
 *
 * @throws AppError `unauthorized` for a session that is over, `step_up_required`
 */
export async function requireFreshFactor(env: Env, principal: Principal): Promise<void> {
  if (!isFresh(env, await aliveSession(env, principal))) throw stepUpRequired()
}

/**
 * For a new factor: a fresh one of those there are, and for the first a sign-in of the last minutes. Else a token that
 * was stolen for its five minutes would become a passkey, which stays.
 *
 * @throws AppError `unauthorized` for a session that is over, `step_up_required`
 */
export async function requireFreshSignIn(
  env: Env,
  principal: Principal,
  user: UserRow,
): Promise<void> {
  const session = await aliveSession(env, principal)
  if (isFresh(env, session)) return
  if (hasSecondFactor(await factorsOf(env.DB, user.id))) throw stepUpRequired()
  if (clockOf(env).now() - session.createdAt <= RECENT_SIGN_IN_MS) return
  throw new AppError('step_up_required', 'Sign in again, then set it up within 15 minutes', {
    members: { maxAgeSeconds: RECENT_SIGN_IN_MS / 1000 },
  })
}

/** The running session of a bearer. @throws AppError `unauthorized` for one that is over, and for a token that is void */
export async function aliveSession(env: Env, principal: Principal): Promise<SessionView> {
  const { id, sessionId, issuedAt } = principal
  const owner = env.USER_SESSIONS.getByName(id)
  const [{ alive }, sessions] = await Promise.all([
    owner.check(sessionId, issuedAt / 1000),
    owner.list(),
  ])
  const session = sessions.find(({ sid }) => sid === sessionId)
  if (!alive || session === undefined)
    throw new AppError('unauthorized', 'The session of this token is over')
  return session
}

const isFresh = (env: Env, { secondFactorAt }: SessionView): boolean =>
  secondFactorAt !== null && clockOf(env).now() - secondFactorAt <= STEP_UP_SECONDS * 1000

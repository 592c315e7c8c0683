import { AppError, clockOf, type Principal, STEP_UP_SECONDS, stepUpRequired } from '@menagerie/core'
import type { Env } from '../context.ts'

/**
 * Asks the session's owner whether a second factor was shown within five minutes.
 *
 * @throws AppError `unauthorized` for a session that is over, `step_up_required`
 */
export async function requireFreshFactor(env: Env, principal: Principal): Promise<void> {
  const { secondFactorAt } = await aliveSession(env, principal)
  if (secondFactorAt !== null && clockOf(env).now() - secondFactorAt <= STEP_UP_SECONDS * 1000)
    return
  throw stepUpRequired()
}

/** The running session of a bearer. @throws AppError `unauthorized` */
export async function aliveSession(
  env: Env,
  principal: Principal,
): Promise<{ secondFactorAt: number | null }> {
  const state = await env.USER_SESSIONS.getByName(principal.id).check(principal.sessionId)
  if (!state.alive) throw new AppError('unauthorized', 'The session of this token is over')
  return { secondFactorAt: state.secondFactorAt }
}

import { clockOf, type Trace, toTraceparent } from '@menagerie/core'
import type { Env } from '../../context.ts'
import { findUser } from '../../db/users.ts'
import { unlock } from '../../guard/login-guard.ts'
import { challengeIdOf, readChallenge, stands } from '../challenges.ts'
import { factorsOf, hasSecondFactor } from '../factors.ts'
import { invalidCode } from '../invalid-code.ts'
import { assertPasswordAllowed } from './policy.ts'
import { setPassword } from './set-password.ts'

/**
 * Sets a new password with the token of a link. The token works once, every session of the account ends, and what an
 * attacker's tries have counted against it is forgotten. A password that is refused leaves the token good.
 *
 * @throws AppError `invalid_code`, `validation_failed`
 */
export async function resetPassword(
  env: Env,
  body: { token: string; password: string },
  trace: Trace,
): Promise<void> {
  const now = clockOf(env).now()
  const id = await challengeIdOf('password-reset', body.token)
  const challenge = await readChallenge(env.DB, id, now)
  const user = challenge?.userId == null ? undefined : await findUser(env.DB, challenge.userId)
  if (user === undefined || user.status === 'disabled') throw invalidCode('no such link')
  const factors = await factorsOf(env.DB, user.id)
  await assertPasswordAllowed(env, {
    password: body.password,
    user,
    hasSecondFactor: hasSecondFactor(factors),
  })
  const done = await setPassword(env, {
    user,
    password: body.password,
    action: 'password.reset',
    condition: stands(id, now),
    traceparent: toTraceparent(trace),
  })
  if (!done) throw invalidCode('the link was used')
  await unlock(env, user.id)
}

import type { ChangePasswordRequest } from '@menagerie/contracts'
import { AppError, type Principal, type Trace, toTraceparent } from '@menagerie/core'
import { type Env, settingsOf } from '../../context.ts'
import type { UserRow } from '../../db/schema.ts'
import { beginAttempt } from '../../guard/login-guard.ts'
import { checkPassword } from '../../passwords.ts'
import { tellFailedPassword } from '../../sign-in/failure.ts'
import { factorsOf, hasSecondFactor } from '../factors.ts'
import { requireFreshFactor } from '../fresh-factor.ts'
import { assertPasswordAllowed } from './policy.ts'
import { setPassword } from './set-password.ts'

/**
 * Changes the bearer's password; every other session ends.
 *
 * @throws AppError `invalid_credentials`, `step_up_required` where a second factor is set up, `too_many_attempts`,
 *   `validation_failed`, `conflict`
 */
export async function changePassword(
  env: Env,
  principal: Principal,
  user: UserRow,
  body: ChangePasswordRequest,
  address: string,
  trace: Trace,
): Promise<void> {
  const second = hasSecondFactor(await factorsOf(env.DB, user.id))
  if (second) await requireFreshFactor(env, principal)
  await requirePassword(env, user, body.currentPassword, address, trace)
  await assertPasswordAllowed(env, {
    password: body.newPassword,
    user,
    hasSecondFactor: second,
    pointer: '/newPassword',
  })
  const done = await setPassword(env, {
    user,
    password: body.newPassword,
    action: 'password.changed',
    except: principal.sessionId,
    condition: { sql: 'true', params: [] },
    traceparent: toTraceparent(trace),
  })
  if (!done) throw new AppError('conflict', 'The password was changed meanwhile')
}

/** Asks for the password of the bearer's account. @throws AppError `invalid_credentials`, `too_many_attempts` */
export async function requirePassword(
  env: Env,
  user: UserRow,
  password: string,
  address: string,
  trace: Trace,
): Promise<void> {
  const attempt = await beginAttempt(env, { account: user.id, address, kind: 'password' })
  const cost = Number(settingsOf(env).BCRYPT_COST)
  const { matches } = await checkPassword(password, user.passwordHash, cost)
  if (!matches) {
    await tellFailedPassword(env, user.id, trace)
    throw new AppError('invalid_credentials', 'The password is wrong')
  }
  await attempt.succeeded()
}

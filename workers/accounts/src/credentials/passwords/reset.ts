import { clockOf, type Trace, toTraceparent } from '@menagerie/core'
import { auditStatements } from '../../audit.ts'
import type { Env } from '../../context.ts'
import type { UserRow } from '../../db/schema.ts'
import { findUser } from '../../db/users.ts'
import { unlock } from '../../guard/login-guard.ts'
import { challengeIdOf, readChallenge, stands } from '../challenges.ts'
import { allOf, type Condition } from '../commit.ts'
import { factorsOf, hasSecondFactor } from '../factors.ts'
import { dropFactors, isUnproven, unproven } from '../first-proof.ts'
import { invalidCode } from '../invalid-code.ts'
import type { ContactPoint } from '../send-secret.ts'
import type { ResetData } from './forgot.ts'
import { assertPasswordAllowed } from './policy.ts'
import { setPassword } from './set-password.ts'

/**
 * Sets a new password with the token of a link. The token works once, every session of the account ends, and what an
 * attacker's tries have counted against it is forgotten. A password that is refused leaves the token good. Where it is the
 * first proof of anything, the address counts as verified, and what was set up to sign in before is gone.
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
  const challenge = await readChallenge<ResetData>(env.DB, id, now)
  const user = challenge?.userId == null ? undefined : await findUser(env.DB, challenge.userId)
  if (user === undefined || user.status === 'disabled') throw invalidCode('no such link')
  const first = isUnproven(user)
  await assertPasswordAllowed(env, {
    password: body.password,
    user,
    hasSecondFactor: !first && hasSecondFactor(await factorsOf(env.DB, user.id)),
  })
  const condition = stands(id, now)
  const traceparent = toTraceparent(trace)
  const done = await setPassword(env, {
    user,
    password: body.password,
    action: 'password.reset',
    condition,
    besides: first
      ? firstProof(env, user, challenge?.data.to ?? null, condition, now, traceparent)
      : [],
    traceparent,
  })
  if (!done) throw invalidCode('the link was used')
  await unlock(env, user.id)
}

/** Statements for the first proof that a number or an address belongs to whoever has the account. */
function firstProof(
  env: Env,
  user: UserRow,
  to: ContactPoint | null,
  condition: Condition,
  now: number,
  traceparent: string,
): D1PreparedStatement[] {
  if (to === null) return []
  const [column, value] = 'email' in to ? ['email', to.email] : ['phone_number', to.phoneNumber]
  const still = allOf(condition, unproven(user.id), {
    sql: `EXISTS (SELECT 1 FROM users WHERE id = ? AND ${column} = ? AND status <> 'disabled')`,
    params: [user.id, value],
  })
  const person = { kind: 'user', id: user.id } as const
  return [
    ...dropFactors(env.DB, user.id, still),
    ...auditStatements(
      env.DB,
      {
        action: 'account.verified',
        actor: person,
        target: person,
        detail: { channel: 'email' in to ? 'email' : 'sms' },
      },
      now,
      traceparent,
      still,
    ),
    env.DB.prepare(
      `UPDATE users SET ${column}_verified = 1, status = CASE status WHEN 'pending' THEN 'active' ELSE status END
       WHERE id = ? AND ${still.sql}`,
    ).bind(user.id, ...still.params),
  ]
}

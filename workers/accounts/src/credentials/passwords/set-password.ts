import type { AuditAction } from '@menagerie/contracts'
import { clockOf } from '@menagerie/core'
import { type Env, settingsOf } from '../../context.ts'
import type { UserRow } from '../../db/schema.ts'
import { hashPassword } from '../../passwords.ts'
import { endSessions } from '../../sessions/end-sessions.ts'
import { voidChallenges } from '../challenges.ts'
import { changeTold } from '../change-told.ts'
import { allOf, type Condition, commit } from '../commit.ts'

export interface SetPassword {
  user: UserRow
  password: string
  action: Extract<AuditAction, 'password.changed' | 'password.reset'>
  /** The session that goes on. */
  except?: string
  /** What must still hold. */
  condition: Condition
  /** Statements of the same batch, before the password is set. */
  besides?: D1PreparedStatement[]
  traceparent: string
}

/**
 * Sets a password, makes every link, code and half-done sign-in of the account void, and ends its sessions. They end
 * before the change and after it: none of them outlives it if we stop between, and none opens meanwhile with the old
 * password.
 *
 * @returns whether it took place
 */
export async function setPassword(env: Env, input: SetPassword): Promise<boolean> {
  const { user, action, traceparent } = input
  const now = clockOf(env).now()
  const hash = await hashPassword(input.password, Number(settingsOf(env).BCRYPT_COST))
  const ending = {
    reason: 'password_changed',
    ...(input.except === undefined ? {} : { except: input.except }),
  } as const
  await endSessions(env, user.id, ending, traceparent)
  const condition = allOf(
    {
      sql: 'EXISTS (SELECT 1 FROM users WHERE id = ? AND password_hash = ?)',
      params: [user.id, user.passwordHash],
    },
    input.condition,
  )
  const results = await commit(env, [
    ...(await changeTold(env, user, action, now, traceparent, condition)),
    ...(input.besides ?? []),
    env.DB.prepare(
      `UPDATE users SET password_hash = ?, password_changed_at = ? WHERE id = ? AND ${condition.sql}`,
    ).bind(hash, now, user.id, ...condition.params),
    voidChallenges(
      env.DB,
      user.id,
      ['password-reset', 'second-factor', 'second-factor-code', 'sign-in-code'],
      {
        sql: 'EXISTS (SELECT 1 FROM users WHERE id = ? AND password_hash = ?)',
        params: [user.id, hash],
      },
    ),
  ])
  if ((results.at(-2)?.meta.changes ?? 0) === 0) return false
  await endSessions(env, user.id, ending, traceparent)
  return true
}

import { clockOf, type Principal } from '@menagerie/core'
import { actorOf, auditStatements, oneRowChanged } from '../audit.ts'
import type { Env } from '../context.ts'
import { commit } from '../credentials/commit.ts'
import type { UserRow } from '../db/schema.ts'
import { findUser } from '../db/users.ts'
import { unlock } from '../guard/login-guard.ts'
import { leavesAnAdmin, userToChange, whyUnchanged } from './act-on-user.ts'
import { doSessionWork, keepSessionWork } from './session-work.ts'

/**
 * Refuses sign-ins of an account and ends its sessions. One that is disabled stays so.
 *
 * @throws AppError `not_found`, `forbidden`; `conflict` for the last administrator
 */
export async function disableUser(
  env: Env,
  by: Principal,
  id: string,
  traceparent: string,
): Promise<UserRow> {
  const user = await userToChange(env, by, id)
  if (user.status === 'disabled') return user
  const now = clockOf(env).now()
  const work = { task: 'end-sessions', userId: id } as const
  const ending = keepSessionWork(env.DB, work, now, traceparent, oneRowChanged)
  const [changed] = await commit(env, [
    env.DB.prepare(
      `UPDATE users SET status = 'disabled'
       WHERE id = ? AND status <> 'disabled' AND roles = ? AND ${leavesAnAdmin.sql}`,
    ).bind(id, JSON.stringify(user.roles)),
    ...auditStatements(
      env.DB,
      { action: 'account.disabled', actor: actorOf(by), target: { kind: 'user', id } },
      now,
      traceparent,
      oneRowChanged,
    ),
    ending.statement,
  ])
  if (changed?.meta.changes === 0) throw await whyUnchanged(env, user)
  await doSessionWork(env, ending.id)
  return { ...user, status: 'disabled' }
}

/** Lets a disabled account sign in again; one that is not disabled stays as it is. @throws as `disableUser` */
export async function enableUser(
  env: Env,
  by: Principal,
  id: string,
  traceparent: string,
): Promise<UserRow> {
  const user = await userToChange(env, by, id)
  if (user.status !== 'disabled') return user
  const now = clockOf(env).now()
  await commit(env, [
    env.DB.prepare(
      `UPDATE users SET status = iif(phone_number_verified OR email_verified, 'active', 'pending')
       WHERE id = ? AND status = 'disabled' AND roles = ?`,
    ).bind(id, JSON.stringify(user.roles)),
    ...auditStatements(
      env.DB,
      { action: 'account.enabled', actor: actorOf(by), target: { kind: 'user', id } },
      now,
      traceparent,
      oneRowChanged,
    ),
  ])
  const enabled = await findUser(env.DB, id)
  if (enabled === undefined || enabled.status === 'disabled') throw await whyUnchanged(env, user)
  return enabled
}

/** Forgets failed sign-ins, so that the next needs no wait. @throws AppError `not_found`, `forbidden` */
export async function unlockUser(
  env: Env,
  by: Principal,
  id: string,
  traceparent: string,
): Promise<UserRow> {
  const user = await userToChange(env, by, id)
  await unlock(env, id)
  const entry = {
    action: 'account.unlocked',
    actor: actorOf(by),
    target: { kind: 'user', id },
  } as const
  await commit(env, auditStatements(env.DB, entry, clockOf(env).now(), traceparent))
  return user
}

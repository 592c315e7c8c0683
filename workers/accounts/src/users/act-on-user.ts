import { AppError, type Principal } from '@menagerie/core'
import type { Condition } from '../audit.ts'
import type { Env } from '../context.ts'
import type { UserRow } from '../db/schema.ts'
import { findUser } from '../db/users.ts'
import { permissionsFor } from '../roles/permissions-for.ts'

/**
 * The account somebody wants to change. Nobody changes an account that may do what they may not: they would gain it by a
 * new number and a forgotten password. A change made on this row's word must hold only while its roles are the same.
 *
 * @throws AppError `not_found`; `forbidden` for an account that may do more
 */
export async function userToChange(env: Env, by: Principal, id: string): Promise<UserRow> {
  const user = await findUser(env.DB, id)
  if (user === undefined) throw noSuchUser()
  const beyond = (await permissionsFor(env, user.roles)).filter(
    (permission) => !by.permissions.includes(permission),
  )
  if (beyond.length > 0)
    throw new AppError('forbidden', `This account may do what you may not: ${beyond.join(', ')}`)
  return user
}

/** One answer for ids that nobody has and for those that are none of the caller's business. */
export const noSuchUser = (): AppError => new AppError('not_found', 'There is no such account')

/** Another change came first; what was decided on the old state no longer holds. */
export const changedMeanwhile = (): AppError =>
  new AppError('conflict', 'The account was changed meanwhile; look at it and try again')

/** Over a row of `users`: whether somebody can still administer without it. */
export const leavesAnAdmin: Condition = {
  sql: `(users.status = 'disabled' OR NOT EXISTS (SELECT 1 FROM json_each(users.roles) WHERE value = 'admin')
    OR EXISTS (SELECT 1 FROM user_roles other
               WHERE other.role = 'admin' AND other.status = 'active' AND other.user_id <> users.id))`,
  params: [],
}

/**
 * Why a guarded change of an account changed nothing.
 *
 * @param row the account as the change was decided on
 */
export async function whyUnchanged(env: Env, row: UserRow): Promise<AppError> {
  const now = await findUser(env.DB, row.id)
  if (now === undefined) return noSuchUser()
  if (now.roles.join() !== row.roles.join() || now.status !== row.status) return changedMeanwhile()
  return new AppError('conflict', 'This is the last administrator; make another one first')
}

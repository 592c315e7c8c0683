import {
  clockOf,
  makeEvent,
  newId,
  outboxStatements,
  type Principal,
  toTimestamp,
} from '@menagerie/core'
import { actorOf, auditStatements, oneRowChanged } from '../audit.ts'
import type { Env } from '../context.ts'
import { commit } from '../credentials/commit.ts'
import type { UserRow } from '../db/schema.ts'
import { leavesAnAdmin, userToChange, whyUnchanged } from '../users/act-on-user.ts'
import { doSessionWork, keepSessionWork } from '../users/session-work.ts'
import { requireGivable, stillGivable } from './givable.ts'

/**
 * Replaces an account's roles. Access tokens with the old ones are refused from then on; a refresh brings the new.
 *
 * @throws AppError `not_found`; `forbidden` for roles whose permissions the caller does not hold, given or taken;
 *   `validation_failed` for roles nobody knows; `conflict` for the last administrator
 */
export async function assignRoles(
  env: Env,
  by: Principal,
  id: string,
  wanted: readonly string[],
  traceparent: string,
): Promise<UserRow> {
  const user = await userToChange(env, by, id)
  const roles = [...new Set(wanted)]
  const changed = [
    ...roles.filter((role) => !user.roles.includes(role)),
    ...user.roles.filter((role) => !roles.includes(role)),
  ]
  if (changed.length === 0) return user
  await requireGivable(env, by, roles)
  const now = clockOf(env).now()
  const event = makeEvent({
    type: 'user.role.changed.v1',
    id: newId(),
    source: '/accounts',
    subject: `/users/${id}`,
    at: now,
    data: {
      userId: id,
      roles,
      previousRoles: user.roles,
      changedBy: by.kind === 'user' ? by.id : null,
      changedAt: toTimestamp(now),
    },
    traceparent,
  })
  const givable = stillGivable(by, roles)
  const admin = roles.includes('admin') ? 'true' : leavesAnAdmin.sql
  const work = { task: 'expire-tokens', userId: id } as const
  const expiring = keepSessionWork(env.DB, work, now, traceparent, oneRowChanged)
  const [updated] = await commit(env, [
    env.DB.prepare(
      `UPDATE users SET roles = ? WHERE id = ? AND roles = ? AND ${admin} AND ${givable.sql}`,
    ).bind(JSON.stringify(roles), id, JSON.stringify(user.roles), ...givable.params),
    ...outboxStatements(env.DB, event, now, oneRowChanged),
    ...auditStatements(
      env.DB,
      {
        action: 'roles.assigned',
        actor: actorOf(by),
        target: { kind: 'user', id },
        detail: { roles, previousRoles: user.roles },
      },
      now,
      traceparent,
      oneRowChanged,
    ),
    expiring.statement,
  ])
  if (updated?.meta.changes === 0) {
    await requireGivable(env, by, roles)
    throw await whyUnchanged(env, user)
  }
  await doSessionWork(env, expiring.id)
  return { ...user, roles }
}

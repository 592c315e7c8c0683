import { clockOf, type Principal } from '@menagerie/core'
import { actorOf, auditStatements, oneRowChanged } from '../audit.ts'
import type { Env } from '../context.ts'
import { commit } from '../credentials/commit.ts'
import type { UserRow } from '../db/schema.ts'
import { requireOwnSession } from '../sessions/own-session.ts'
import { leavesAnAdmin, noSuchUser, userToChange, whyUnchanged } from './act-on-user.ts'
import { doSessionWork, keepForgetting, keepSessionWork } from './session-work.ts'

/**
 * Deletes an account with everything that is known of its owner, and ends its sessions. Audit events keep the bare id.
 * Its owner may, and who manages users; for everybody else there is no such account.
 *
 * @throws AppError `not_found`, `forbidden`; `conflict` for the last administrator
 */
export async function deleteUser(
  env: Env,
  by: Principal,
  id: string,
  traceparent: string,
): Promise<void> {
  if (by.id !== id && !by.permissions.includes('users:write')) throw noSuchUser()
  if (by.id === id) await requireOwnSession(env, by)
  const user = await userToChange(env, by, id)
  const now = clockOf(env).now()
  const work = { task: 'erase', userId: id } as const
  const erasing = keepSessionWork(env.DB, work, now, traceparent, oneRowChanged)
  const [deleted] = await commit(env, [
    env.DB.prepare(`DELETE FROM users WHERE id = ? AND roles = ? AND ${leavesAnAdmin.sql}`).bind(
      id,
      JSON.stringify(user.roles),
    ),
    ...auditStatements(
      env.DB,
      { action: 'account.deleted', actor: actorOf(by), target: { kind: 'user', id } },
      now,
      traceparent,
      oneRowChanged,
    ),
    erasing.statement,
    keepForgetting(env.DB, now, oneRowChanged),
    ...erasure(env.DB, user),
  ])
  if (deleted?.meta.changes === 0) throw await whyUnchanged(env, user)
  await doSessionWork(env, erasing.id)
}

/** What else names the account or its owner, gone with it: its rows in lists and searches go by trigger. */
function erasure(db: D1Database, user: UserRow): D1PreparedStatement[] {
  const gone = 'NOT EXISTS (SELECT 1 FROM users WHERE id = ?)'
  const contacts = JSON.stringify(
    [user.username, user.phoneNumber, user.email].filter((contact) => contact !== null),
  )
  const invited = `(email IN (SELECT value FROM json_each(?)) OR phone_number IN (SELECT value FROM json_each(?)))`
  const mentions = `EXISTS (SELECT 1 FROM json_each(?) WHERE instr(%, json_quote(value)) > 0)`
  const ofUser = ['totp', 'recovery_codes', 'passkeys', 'challenges'].map((table) =>
    db.prepare(`DELETE FROM ${table} WHERE user_id = ? AND ${gone}`).bind(user.id, user.id),
  )
  return [
    ...ofUser,
    // Codes for a number or an address nobody had verified name no account.
    db
      .prepare(`DELETE FROM challenges WHERE ${mentions.replace('%', 'data')} AND ${gone}`)
      .bind(contacts, user.id),
    // Answers kept for repeats: of the registration, and of the invitation it came from.
    db
      .prepare(
        `DELETE FROM idempotency_keys WHERE ${gone}
         AND (claim = ? OR claim IN (SELECT id FROM invitations WHERE ${invited}))`,
      )
      .bind(user.id, user.id, contacts, contacts),
    // Those that came to them, and the open ones that went out from them.
    db
      .prepare(
        `DELETE FROM invitations
         WHERE (${invited} OR (invited_by = ? AND accepted_at IS NULL)) AND ${gone}`,
      )
      .bind(contacts, contacts, user.id, user.id),
    // Messages with a number or an address, on their way or kept until the next start. Other events have the bare id.
    db
      .prepare(
        `DELETE FROM outbox WHERE state IN ('pending', 'sent') AND destination = 'deliveries'
         AND ${mentions.replace('%', 'body')} AND ${gone}`,
      )
      .bind(contacts, user.id),
  ]
}

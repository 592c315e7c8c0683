import { type AppError, sha256Hex } from '@menagerie/core'
import type { Condition } from '../audit.ts'
import type { Env } from '../context.ts'
import { findUser } from '../db/users.ts'
import { invalidField } from '../invalid-field.ts'
import { permissionsFor } from '../roles/permissions-for.ts'
import type { AccountName } from './register.ts'

/** An invitation that somebody can still accept. */
export interface OpenInvitation {
  id: string
  roles: string[]
  displayName: string | null
}

/** One answer for tokens that never were, are used or revoked, and for those sent to somebody else. */
const unknownInvitation = (): AppError =>
  invalidField('/invitationToken', 'unknown_invitation', 'is no open invitation for this address')

/**
 * The invitation of a token.
 *
 * @returns `undefined` without a token
 * @throws AppError `validation_failed` for one that is not open, or was sent to another number or address
 */
export async function openInvitation(
  env: Env,
  token: string | undefined,
  { channel, value }: AccountName,
  now: number,
): Promise<OpenInvitation | undefined> {
  if (token === undefined) return undefined
  const column = channel === 'sms' ? 'phone_number' : 'email'
  const row = await env.DB.prepare(
    `SELECT id, roles, display_name, invited_by FROM invitations
     WHERE token_hash = ? AND ${column} = ? AND accepted_at IS NULL AND expires_at > ?`,
  )
    .bind(await sha256Hex(token), value, now)
    .first<{ id: string; roles: string; display_name: string | null; invited_by: string }>()
  if (row === null) throw unknownInvitation()
  const roles = JSON.parse(row.roles) as string[]
  if (!(await mayStillInvite(env, row.invited_by, roles))) throw unknownInvitation()
  return { id: row.id, roles, displayName: row.display_name }
}

/**
 * Whether the inviter could still give these roles: whoever was disabled or lost their roles leaves no door open behind
 * them. Invitations of an account that was deleted are gone with it; those of clients stand.
 */
async function mayStillInvite(env: Env, inviter: string, roles: string[]): Promise<boolean> {
  const user = await findUser(env.DB, inviter)
  if (user === undefined) return true
  if (user.status === 'disabled') return false
  if (roles.every((role) => role === 'user')) return true
  const [held, given] = await Promise.all([
    permissionsFor(env, user.roles),
    permissionsFor(env, roles),
  ])
  return ['roles:write' as const, ...given].every((permission) => held.includes(permission))
}

/**
 * The condition that an invitation is still open, and the statement that accepts it for the account that was made.
 *
 * @param made whether the account was made
 */
export function acceptance(
  db: D1Database,
  invitation: OpenInvitation | undefined,
  now: number,
  made: Condition,
): { open: Condition; accept: D1PreparedStatement[] } {
  if (invitation === undefined) return { open: { sql: 'true', params: [] }, accept: [] }
  return {
    open: {
      sql: 'EXISTS (SELECT 1 FROM invitations WHERE id = ? AND accepted_at IS NULL)',
      params: [invitation.id],
    },
    accept: [
      db
        .prepare(
          `UPDATE invitations SET accepted_at = ? WHERE id = ? AND accepted_at IS NULL AND ${made.sql}`,
        )
        .bind(now, invitation.id, ...made.params),
    ],
  }
}

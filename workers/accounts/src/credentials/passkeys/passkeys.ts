import type { Passkey } from '@menagerie/contracts'
import { AppError, clockOf, toTimestamp } from '@menagerie/core'
import type { Env } from '../../context.ts'
import type { UserRow } from '../../db/schema.ts'
import { changeTold } from '../change-told.ts'
import { commit } from '../commit.ts'
import { dropRecoveryCodesStatement } from '../recovery-codes.ts'

interface Row {
  id: string
  name: string
  backed_up: number
  created_at: number
  last_used_at: number | null
}

/** An account's passkeys, oldest first. */
export async function listPasskeys(db: D1Database, userId: string): Promise<Passkey[]> {
  const { results } = await db
    .prepare(
      `SELECT id, name, backed_up, created_at, last_used_at FROM passkeys
       WHERE user_id = ? ORDER BY created_at, id`,
    )
    .bind(userId)
    .all<Row>()
  return results.map((row) => ({
    id: row.id,
    name: row.name,
    backedUp: row.backed_up === 1,
    createdAt: toTimestamp(row.created_at),
    lastUsedAt: row.last_used_at === null ? null : toTimestamp(row.last_used_at),
  }))
}

/** Removes a passkey of the account. @throws AppError `not_found` for another's, and for none */
export async function removePasskey(
  env: Env,
  user: UserRow,
  id: string,
  traceparent: string,
): Promise<void> {
  const own = {
    sql: 'EXISTS (SELECT 1 FROM passkeys WHERE id = ? AND user_id = ?)',
    params: [id, user.id],
  }
  const now = clockOf(env).now()
  const before = await changeTold(env, user, 'passkey.removed', now, traceparent, own)
  const results = await commit(env, [
    ...before,
    env.DB.prepare('DELETE FROM passkeys WHERE id = ? AND user_id = ?').bind(id, user.id),
    dropRecoveryCodesStatement(env.DB, user.id),
  ])
  if (results[before.length]?.meta.changes !== 1)
    throw new AppError('not_found', 'There is no such passkey')
}

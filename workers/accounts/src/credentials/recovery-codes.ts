import { AppError, clockOf } from '@menagerie/core'
import { type Env, settingsOf } from '../context.ts'
import type { UserRow } from '../db/schema.ts'
import { keyedHash } from '../secrets.ts'
import { changeTold } from './change-told.ts'
import { type Condition, commit, commitOnce } from './commit.ts'
import { factorsOf, hasSecondFactor } from './factors.ts'

const CODES = 10
/** Without letters and digits that look alike. */
const alphabet = 'abcdefghijkmnpqrstuvwxyz23456789'
const LENGTH = 16

/** 16 characters of 5 bits: 80 bits, written in groups of four. */
function newCode(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(LENGTH))
  const text = [...bytes].map((byte) => alphabet[byte & 31]).join('')
  return text.replaceAll(/(.{4})(?=.)/g, '$1-')
}

const hashOf = (env: Env, userId: string, code: string): Promise<string> =>
  keyedHash(
    settingsOf(env).KEY_ENCRYPTION_KEY,
    'menagerie recovery codes',
    `${userId}:${code.toLowerCase().replaceAll(/[\s-]/g, '')}`,
  )

/**
 * Statements that keep a new set, and the codes, shown this once; the set before is void.
 *
 * @param condition keeps it only where the condition holds
 */
export async function recoveryCodeStatements(
  env: Env,
  user: UserRow,
  traceparent: string,
  condition: Condition = { sql: 'true', params: [] },
): Promise<{ codes: string[]; statements: D1PreparedStatement[] }> {
  const now = clockOf(env).now()
  const codes = Array.from({ length: CODES }, newCode)
  const hashes = await Promise.all(codes.map((code) => hashOf(env, user.id, code)))
  const statements = [
    env.DB.prepare(`DELETE FROM recovery_codes WHERE user_id = ? AND (${condition.sql})`).bind(
      user.id,
      ...condition.params,
    ),
    env.DB.prepare(
      `INSERT INTO recovery_codes (user_id, code_hash, created_at)
       SELECT ?, value, ? FROM json_each(?) WHERE ${condition.sql}`,
    ).bind(user.id, now, JSON.stringify(hashes), ...condition.params),
    ...(await changeTold(env, user, 'recovery-codes.created', now, traceparent, condition)),
  ]
  return { codes, statements }
}

/** Makes a new set. @throws AppError `conflict` where there is no second factor they could stand in for */
export async function createRecoveryCodes(
  env: Env,
  user: UserRow,
  traceparent: string,
): Promise<string[]> {
  if (!hasSecondFactor(await factorsOf(env.DB, user.id)))
    throw new AppError('conflict', 'Set up an authenticator app or a passkey first')
  const { codes, statements } = await recoveryCodeStatements(env, user, traceparent)
  await commit(env, statements)
  return codes
}

/** Takes a recovery code; fifty at the same time are one. */
export async function takeRecoveryCode(
  env: Env,
  user: UserRow,
  code: string,
  traceparent: string,
): Promise<boolean> {
  const now = clockOf(env).now()
  const hash = await hashOf(env, user.id, code)
  const unused = {
    sql: 'EXISTS (SELECT 1 FROM recovery_codes WHERE user_id = ? AND code_hash = ? AND used_at IS NULL)',
    params: [user.id, hash],
  }
  return commitOnce(
    env,
    [...(await changeTold(env, user, 'recovery-code.used', now, traceparent, unused))],
    env.DB.prepare(
      `UPDATE recovery_codes SET used_at = ?
       WHERE user_id = ? AND code_hash = ? AND used_at IS NULL`,
    ).bind(now, user.id, hash),
  )
}

/** How many are left, and since when. */
export async function recoveryCodesLeft(
  db: D1Database,
  userId: string,
): Promise<{ remaining: number; createdAt: number | null }> {
  const row = await db
    .prepare(
      `SELECT sum(used_at IS NULL) AS remaining, min(created_at) AS created_at
       FROM recovery_codes WHERE user_id = ?`,
    )
    .bind(userId)
    .first<{ remaining: number | null; created_at: number | null }>()
  return { remaining: row?.remaining ?? 0, createdAt: row?.created_at ?? null }
}

/** Recovery codes stand in for a second factor: without one there is nothing to recover. */
export const dropRecoveryCodesStatement = (db: D1Database, userId: string): D1PreparedStatement =>
  db
    .prepare(
      `DELETE FROM recovery_codes WHERE user_id = ?1
       AND NOT EXISTS (SELECT 1 FROM totp WHERE user_id = ?1 AND state = 'active')
       AND NOT EXISTS (SELECT 1 FROM passkeys WHERE user_id = ?1)`,
    )
    .bind(userId)

import { clockOf } from '@menagerie/core'
import { type Env, settingsOf } from '../context.ts'
import { openTotpSecret, stepOfCode } from './totp.ts'

export interface TotpRow {
  secret: string
  last_step: number
}

/** An account's secret, sealed. */
export const readTotp = (
  db: D1Database,
  userId: string,
  state: 'pending' | 'active',
  now: number,
): Promise<TotpRow | null> =>
  db
    .prepare(
      `SELECT secret, last_step FROM totp
       WHERE user_id = ? AND state = ? AND (expires_at IS NULL OR expires_at > ?)`,
    )
    .bind(userId, state, now)
    .first<TotpRow>()

/** The time step of a code of an account's app; `undefined` for a wrong one. */
export async function totpStep(
  env: Env,
  userId: string,
  row: TotpRow,
  code: string,
): Promise<number | undefined> {
  const secret = await openTotpSecret(settingsOf(env).KEY_ENCRYPTION_KEY, userId, row.secret)
  return stepOfCode(secret, code, clockOf(env).now())
}

/**
 * Takes a code of an account's authenticator app. Its time step is kept by a guarded write, so that no code works twice
 * (RFC 6238 §5.2), however many are shown at once.
 */
export async function useTotp(env: Env, userId: string, code: string): Promise<boolean> {
  const row = await readTotp(env.DB, userId, 'active', clockOf(env).now())
  if (row === null) return false
  const step = await totpStep(env, userId, row, code)
  if (step === undefined) return false
  const { meta } = await env.DB.prepare(
    `UPDATE totp SET last_step = ?
     WHERE user_id = ? AND state = 'active' AND secret = ? AND last_step < ?`,
  )
    .bind(step, userId, row.secret, step)
    .run()
  return meta.changes === 1
}

import type { DisableTotpRequest, TotpSetup } from '@menagerie/contracts'
import { clockOf, type Principal, type Trace, toTimestamp, toTraceparent } from '@menagerie/core'
import { type Env, settingsOf } from '../context.ts'
import type { UserRow } from '../db/schema.ts'
import { beginAttempt } from '../guard/login-guard.ts'
import { tellFailedProof } from '../sign-in/failure.ts'
import { changeTold } from './change-told.ts'
import { commit, commitOnce } from './commit.ts'
import { requireFreshSignIn } from './fresh-factor.ts'
import { invalidCode } from './invalid-code.ts'
import { requirePassword } from './passwords/change.ts'
import { dropRecoveryCodesStatement, recoveryCodeStatements } from './recovery-codes.ts'
import { newTotpSecret, sealTotpSecret, totpUri } from './totp.ts'
import { readTotp, totpStep, useTotp } from './use-totp.ts'

const SETUP_MS = 15 * 60_000

/**
 * A new secret for an authenticator app, shown this once. It counts for nothing until a code of it was shown; the app
 * that is set up goes on until then.
 *
 * @throws AppError `step_up_required` where a second factor is set up, or the sign-in is old
 */
export async function setUpTotp(env: Env, principal: Principal, user: UserRow): Promise<TotpSetup> {
  await requireFreshSignIn(env, principal, user)
  const now = clockOf(env).now()
  const expiresAt = now + SETUP_MS
  const secret = newTotpSecret()
  const sealed = await sealTotpSecret(settingsOf(env).KEY_ENCRYPTION_KEY, user.id, secret)
  await env.DB.prepare(
    `INSERT OR REPLACE INTO totp (user_id, state, secret, last_step, created_at, expires_at)
     VALUES (?, 'pending', ?, 0, ?, ?)`,
  )
    .bind(user.id, sealed, now, expiresAt)
    .run()
  return {
    secret,
    uri: totpUri(secret, user.username, 'Menagerie'),
    expiresAt: toTimestamp(expiresAt),
  }
}

/**
 * Turns the second factor on with the first code of the new app, which does not work again.
 *
 * @returns recovery codes for a lost app, shown this once
 * @throws AppError `invalid_code`, `too_many_attempts`
 */
export async function confirmTotp(
  env: Env,
  user: UserRow,
  code: string,
  address: string,
  trace: Trace,
): Promise<string[]> {
  const attempt = await beginAttempt(env, { account: user.id, address, kind: 'code' })
  const now = clockOf(env).now()
  const row = await readTotp(env.DB, user.id, 'pending', now)
  const step = row === null ? undefined : await totpStep(env, user.id, row, code)
  if (row === null || step === undefined) throw invalidCode('no such code')
  const waits = {
    sql: `EXISTS (SELECT 1 FROM totp WHERE user_id = ? AND state = 'pending' AND secret = ?)`,
    params: [user.id, row.secret],
  }
  const traceparent = toTraceparent(trace)
  const recovery = await recoveryCodeStatements(env, user, traceparent, waits)
  const done = await commitOnce(
    env,
    [
      ...(await changeTold(env, user, 'totp.enabled', now, traceparent, waits)),
      ...recovery.statements,
      env.DB.prepare(
        `DELETE FROM totp WHERE user_id = ? AND state = 'active' AND ${waits.sql}`,
      ).bind(user.id, ...waits.params),
    ],
    env.DB.prepare(
      `UPDATE totp SET state = 'active', last_step = ?, created_at = ?, expires_at = NULL
       WHERE user_id = ? AND state = 'pending' AND secret = ?`,
    ).bind(step, now, user.id, row.secret),
  )
  if (!done) throw invalidCode('it was confirmed')
  await attempt.succeeded()
  return recovery.codes
}

/**
 * Removes the authenticator app, with the password and a code.
 *
 * @throws AppError `invalid_credentials`, `invalid_code`, `too_many_attempts`
 */
export async function disableTotp(
  env: Env,
  user: UserRow,
  body: DisableTotpRequest,
  address: string,
  trace: Trace,
): Promise<void> {
  await requirePassword(env, user, body.password, address, trace)
  const attempt = await beginAttempt(env, { account: user.id, address, kind: 'code' })
  if (!(await useTotp(env, user.id, body.code))) {
    await tellFailedProof(env, user.id, 'invalid_code', trace, { method: 'totp' })
    throw invalidCode('no such code')
  }
  await attempt.succeeded()
  const traceparent = toTraceparent(trace)
  const active = {
    sql: `EXISTS (SELECT 1 FROM totp WHERE user_id = ? AND state = 'active')`,
    params: [user.id],
  }
  await commit(env, [
    ...(await changeTold(env, user, 'totp.disabled', clockOf(env).now(), traceparent, active)),
    env.DB.prepare('DELETE FROM totp WHERE user_id = ?').bind(user.id),
    dropRecoveryCodesStatement(env.DB, user.id),
  ])
}

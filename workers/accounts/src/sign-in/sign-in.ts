import type { LoginRequest, TokenResponse } from '@menagerie/contracts'
import {
  AppError,
  clockOf,
  makeEvent,
  newId,
  outboxStatements,
  type Trace,
  toTraceparent,
} from '@menagerie/core'
import { type Env, settingsOf } from '../context.ts'
import { findByIdentifier } from '../db/users.ts'
import { identifierOf } from '../identifiers.ts'
import { invalidField } from '../invalid-field.ts'
import { checkPassword } from '../passwords.ts'
import { sessionError } from './session-error.ts'
import { tokensFor } from './tokens.ts'

/**
 * Signs in with a name and a password; the session's owner tells of it in the transaction that opens the session. For
 * an unknown name, a wrong password and a disabled account the answer is the same, and so is the work: one bcrypt
 * comparison and one kept event.
 *
 * @throws AppError `invalid_credentials`, `validation_failed` for a client nobody knows
 */
export async function signIn(env: Env, body: LoginRequest, trace: Trace): Promise<TokenResponse> {
  const settings = settingsOf(env)
  const clientId = body.clientId ?? settings.CLIENT_ID
  if (clientId !== settings.CLIENT_ID)
    throw invalidField('/clientId', 'unknown_client', 'is no client of ours')
  const traceparent = toTraceparent(trace)
  const user = await findByIdentifier(env.DB, identifierOf(body))
  const cost = Number(settings.BCRYPT_COST)
  const check = await checkPassword(body.password, user?.passwordHash, cost)
  const now = clockOf(env).now()

  if (user === undefined || !check.matches || user.status === 'disabled') {
    const failed = makeEvent({
      type: 'user.sign-in.failed.v1',
      id: newId(),
      source: '/accounts',
      subject: user === undefined ? '/users' : `/users/${user.id}`,
      at: now,
      data: {
        userId: user?.id ?? null,
        reason: user?.status === 'disabled' && check.matches ? 'disabled' : 'invalid_credentials',
      },
      traceparent,
    })
    await env.DB.batch(outboxStatements(env.DB, failed, now))
    throw new AppError('invalid_credentials', 'The name or the password is wrong')
  }

  const sid = newId()
  const grant = await env.USER_SESSIONS.getByName(user.id).open(
    { userId: user.id, sid, clientId, deviceName: body.deviceName ?? null, acr: '1' },
    traceparent,
  )
  if (!grant.ok) throw sessionError(grant.error)
  if (check.rehashed !== undefined)
    await keepHash(env.DB, user.id, user.passwordHash, check.rehashed).run()
  return tokensFor(env, user, grant.value, now)
}

/** Only while the password is still the one that was checked. */
const keepHash = (db: D1Database, id: string, checked: string, rehashed: string) =>
  db
    .prepare('UPDATE users SET password_hash = ? WHERE id = ? AND password_hash = ?')
    .bind(rehashed, id, checked)

import { clockOf, type Principal, sha256Hex, type Trace, toTraceparent } from '@menagerie/core'
import { auditStatements } from '../audit.ts'
import type { Env } from '../context.ts'
import type { UserRow } from '../db/schema.ts'
import { findUser } from '../db/users.ts'
import { beginAttempt } from '../guard/login-guard.ts'
import { doSessionWork, keepSessionWork } from '../users/session-work.ts'
import { spend, stands } from './challenges.ts'
import { checkCode } from './codes.ts'
import { allOf, commit } from './commit.ts'
import type { Contact } from './contact-point.ts'
import { dropFactors, isUnproven, unproven } from './first-proof.ts'
import { invalidCode } from './invalid-code.ts'
import { noticeStatements, verifiedContact } from './notices.ts'
import { changeCodeName, verifyCodeName } from './start-code.ts'

const columnsOf = {
  sms: { value: 'phone_number', verified: 'phone_number_verified' },
  email: { value: 'email', verified: 'email_verified' },
} as const

/**
 * Takes the code that was sent to a number or an address. With the bearer's token it may be one for their account's new
 * number; that is looked at first, and nobody else's code is touched by it.
 *
 * @throws AppError `invalid_code`, `too_many_attempts`
 */
export async function verifyContact(
  env: Env,
  contact: Contact,
  code: string,
  bearer: Principal | undefined,
  address: string,
  trace: Trace,
): Promise<void> {
  const attempt = await beginAttempt(env, {
    account: bearer?.id ?? (await sha256Hex(`contact:${contact.channel}:${contact.value}`)),
    address,
    kind: 'code',
  })
  const traceparent = toTraceparent(trace)
  const done =
    (bearer !== undefined && (await takeChange(env, contact, code, bearer, traceparent))) ||
    (await takeVerification(env, contact, code, bearer, traceparent))
  if (!done) throw invalidCode('no such code')
  await attempt.succeeded()
}

/**
 * Marks an account's own number or address as verified; a pending account becomes active. Where it is the first proof, and
 * not shown in a session of the account, sessions and factors from before it are somebody else's for all we know: they end.
 */
async function takeVerification(
  env: Env,
  contact: Contact,
  code: string,
  bearer: Principal | undefined,
  traceparent: string,
): Promise<boolean> {
  const challenge = await checkCode(env, 'verify-code', verifyCodeName(contact), code)
  if (challenge?.userId == null) return false
  const user = await findUser(env.DB, challenge.userId)
  const takenOver = user !== undefined && isUnproven(user) && bearer?.id !== user.id
  const now = clockOf(env).now()
  const { value, verified } = columnsOf[contact.channel]
  const condition = allOf(stands(challenge.id, now), {
    sql: `EXISTS (SELECT 1 FROM users WHERE id = ? AND ${value} = ? AND status <> 'disabled')`,
    params: [challenge.userId, contact.value],
  })
  const ending = { task: 'revoke-sessions', userId: challenge.userId } as const
  const work = keepSessionWork(env.DB, ending, now, traceparent, condition)
  const results = await commit(env, [
    ...(takenOver
      ? [...dropFactors(env.DB, user.id, allOf(condition, unproven(user.id))), work.statement]
      : []),
    ...auditStatements(
      env.DB,
      {
        action: 'account.verified',
        actor: { kind: 'user', id: challenge.userId },
        target: { kind: 'user', id: challenge.userId },
        detail: { channel: contact.channel },
      },
      now,
      traceparent,
      condition,
    ),
    env.DB.prepare(
      `UPDATE users SET ${verified} = 1, status = CASE status WHEN 'pending' THEN 'active' ELSE status END
       WHERE id = ? AND ${condition.sql}`,
    ).bind(challenge.userId, ...condition.params),
    spend(env.DB, challenge.id, now),
  ])
  if (changesOf(results.at(-2)) === 0) return false
  if (takenOver) await doSessionWork(env, work.id)
  return true
}

/**
 * Sets an account's new number or address; the user name follows where it was the old one. Where it is the first proof, one
 * that nobody proved goes: nobody keeps somebody else's number by adding an address of their own.
 */
async function takeChange(
  env: Env,
  contact: Contact,
  code: string,
  bearer: Principal,
  traceparent: string,
): Promise<boolean> {
  const challenge = await checkCode(env, 'change-code', changeCodeName(bearer.id, contact), code)
  if (challenge?.userId == null) return false
  const user = await findUser(env.DB, bearer.id)
  if (user === undefined || user.status === 'disabled') return false
  const now = clockOf(env).now()
  const { value, verified } = columnsOf[contact.channel]
  const other = columnsOf[contact.channel === 'sms' ? 'email' : 'sms']
  // Taken meanwhile: nobody learns by whom, or that it is.
  const condition = allOf(stands(challenge.id, now), {
    sql: `NOT EXISTS (SELECT 1 FROM users WHERE id <> ? AND (${value} = ? OR username = ?))`,
    params: [user.id, contact.value, contact.value],
  })
  const results = await commit(env, [
    ...auditStatements(
      env.DB,
      {
        action: 'account.updated',
        actor: { kind: 'user', id: user.id },
        target: { kind: 'user', id: user.id },
        detail: { fields: [contact.channel === 'sms' ? 'phoneNumber' : 'email'] },
      },
      now,
      traceparent,
      condition,
    ),
    ...(await noticeStatements(
      env,
      user,
      'contact.changed',
      traceparent,
      condition,
      oldContact(user, contact),
    )),
    env.DB.prepare(
      `UPDATE users SET
         username = CASE WHEN username IS ${value} OR (username IS ${other.value} AND NOT ${other.verified}) THEN ?1 ELSE username END,
         ${other.value} = CASE WHEN ${other.verified} THEN ${other.value} END,
         ${value} = ?1, ${verified} = 1,
         status = CASE status WHEN 'pending' THEN 'active' ELSE status END
       WHERE id = ?2 AND ${numbered(condition.sql, 3)}`,
    ).bind(contact.value, user.id, ...condition.params),
    spend(env.DB, challenge.id, now),
  ])
  return changesOf(results.at(-2)) > 0
}

/** Where the change is told: the number or address it replaces, else what else is verified. */
function oldContact(user: UserRow, { channel }: Contact) {
  if (channel === 'email' && user.email !== null && user.emailVerified) return { email: user.email }
  if (channel === 'sms' && user.phoneNumber !== null && user.phoneNumberVerified)
    return { phoneNumber: user.phoneNumber }
  return verifiedContact(user)
}

const changesOf = (result: D1Result | undefined): number => result?.meta.changes ?? 0

/** SQL's `?` as `?3`, `?4`, …, beside parameters that are used twice. */
function numbered(sql: string, first: number): string {
  let next = first
  return sql.replaceAll('?', () => `?${next++}`)
}

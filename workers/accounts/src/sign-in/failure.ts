import type { AuditAction } from '@menagerie/contracts'
import {
  clockOf,
  makeEvent,
  newId,
  outboxStatements,
  type Trace,
  toTraceparent,
} from '@menagerie/core'
import { auditStatements } from '../audit.ts'
import type { Env } from '../context.ts'
import { commit } from '../credentials/commit.ts'

/**
 * Keeps a failed sign-in: the event that notification rules read, and one audit event. As many rows for nobody's name as
 * for an account's.
 *
 * @param userId `null` for a name nobody has
 */
export async function tellFailure(
  env: Env,
  userId: string | null,
  reason: string,
  trace: Trace,
  detail: { method: string },
): Promise<void> {
  const now = clockOf(env).now()
  const traceparent = toTraceparent(trace)
  const failed = makeEvent({
    type: 'user.sign-in.failed.v1',
    id: newId(),
    source: '/accounts',
    subject: userId === null ? '/users' : `/users/${userId}`,
    at: now,
    data: { userId, reason },
    traceparent,
  })
  await commit(env, [
    ...outboxStatements(env.DB, failed, now),
    ...failureAudit(env, 'sign-in.failed', userId, reason, trace, detail),
  ])
}

/** Keeps one audit event of a proof that failed. */
export async function tellFailedProof(
  env: Env,
  userId: string | null,
  reason: string,
  trace: Trace,
  detail: { method: string },
): Promise<void> {
  await commit(env, failureAudit(env, 'second-factor.failed', userId, reason, trace, detail))
}

/** Keeps one audit event of a password that somebody signed in did not know. */
export async function tellFailedPassword(env: Env, userId: string, trace: Trace): Promise<void> {
  const reason = 'invalid_credentials'
  const detail = { method: 'pwd' }
  await commit(env, failureAudit(env, 'password-check.failed', userId, reason, trace, detail))
}

const failureAudit = (
  env: Env,
  action: AuditAction,
  userId: string | null,
  reason: string,
  trace: Trace,
  detail: { method: string },
): D1PreparedStatement[] =>
  auditStatements(
    env.DB,
    {
      action,
      outcome: 'failure',
      actor: { kind: 'anonymous', id: null },
      target: { kind: 'user', id: userId },
      reason,
      detail,
    },
    clockOf(env).now(),
    toTraceparent(trace),
  )

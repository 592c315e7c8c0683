import type { StepUpRequest, StepUpResponse } from '@menagerie/contracts'
import { AppError, type Principal, type Trace, toTraceparent } from '@menagerie/core'
import type { Env } from '../context.ts'
import { factorsOf, methodsBeside } from '../credentials/factors.ts'
import { aliveSession } from '../credentials/fresh-factor.ts'
import { invalidCode } from '../credentials/invalid-code.ts'
import type { UserRow } from '../db/schema.ts'
import { findUser } from '../db/users.ts'
import { beginAttempt } from '../guard/login-guard.ts'
import { stepUpTokens } from '../sessions/tokens.ts'
import { tellFailedProof } from './failure.ts'
import { prove, stepUpCodeName } from './prove.ts'
import { sessionError } from './session-error.ts'

/**
 * Shows a second factor within a session: it is good for critical actions for five minutes, with a new access token of
 * the same session. The session's owner audits it.
 *
 * @throws AppError `invalid_code`, also for a method that is no second factor here; `too_many_attempts`; `unauthorized`
 *   for a session that is over
 */
export async function stepUp(
  env: Env,
  principal: Principal,
  user: UserRow,
  body: StepUpRequest,
  address: string,
  trace: Trace,
): Promise<StepUpResponse> {
  const attempt = await beginAttempt(env, { account: user.id, address, kind: 'code' })
  const session = await aliveSession(env, principal)
  const methods = methodsBeside(user, await factorsOf(env.DB, user.id), session.methods)
  const sent = { kind: 'step-up-code', token: stepUpCodeName(principal.sessionId) } as const
  const shown = methods.includes(body.method)
    ? await prove(env, user, body, sent, trace)
    : undefined
  if (shown === undefined) {
    await tellFailedProof(env, user.id, 'invalid_code', trace, { method: body.method })
    throw invalidCode('the code')
  }
  const stepped = await env.USER_SESSIONS.getByName(user.id).stepUp(
    principal,
    principal.sessionId,
    shown,
    toTraceparent(trace),
  )
  if (!stepped.ok) throw sessionError(stepped.error)
  await attempt.succeeded()
  // Read again: roles that were taken away since are in no good token.
  const current = await findUser(env.DB, user.id)
  if (current === undefined || current.status === 'disabled')
    throw new AppError('unauthorized', 'The account of this token is not active')
  return stepUpTokens(env, current, stepped.value)
}

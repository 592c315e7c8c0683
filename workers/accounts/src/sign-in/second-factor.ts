import type { AuthenticationMethod } from '@menagerie/contracts'
import { clockOf, type Trace } from '@menagerie/core'
import type { Env } from '../context.ts'
import { challengeIdOf, readChallenge, spend, tryChallenge } from '../credentials/challenges.ts'
import { invalidCode } from '../credentials/invalid-code.ts'
import type { UserRow } from '../db/schema.ts'
import { findUser } from '../db/users.ts'
import { beginAttempt } from '../guard/login-guard.ts'
import type { PendingSignIn } from './authenticate.ts'
import { tellFailedProof } from './failure.ts'
import { type Proof, prove, secondFactorCodeName } from './prove.ts'

export interface SecondFactorInput extends Proof {
  mfaToken: string
  address: string
  trace: Trace
}

/** A sign-in that waits for its second factor; `undefined` when it is over. */
export async function pendingSignIn(
  env: Env,
  mfaToken: string,
): Promise<{ id: string; user: UserRow; pending: PendingSignIn } | undefined> {
  const id = await challengeIdOf('second-factor', mfaToken)
  const challenge = await readChallenge<PendingSignIn>(env.DB, id, clockOf(env).now())
  if (challenge?.userId == null) return undefined
  const user = await findUser(env.DB, challenge.userId)
  return user === undefined || user.status === 'disabled'
    ? undefined
    : { id, user, pending: challenge.data }
}

/**
 * Finishes a sign-in with a second factor. Each try is counted before it is looked at, and the fifth wrong one ends the
 * sign-in (S55).
 *
 * @throws AppError `invalid_code` for whatever is wrong with code or token; `too_many_attempts`
 */
export async function verifySecondFactor(
  env: Env,
  input: SecondFactorInput,
): Promise<{ user: UserRow; methods: AuthenticationMethod[]; deviceName: string | null }> {
  const { mfaToken, address, trace } = input
  const found = await pendingSignIn(env, mfaToken)
  if (found === undefined) throw invalidCode('no such sign-in')
  const { id, user, pending } = found
  const attempt = await beginAttempt(env, { account: user.id, address, kind: 'code' })
  const counted = await tryChallenge(env.DB, id, clockOf(env).now())
  if (counted === undefined) throw invalidCode('no tries left')
  const sent = { kind: 'second-factor-code', token: secondFactorCodeName(mfaToken) } as const
  const shown = pending.methods.includes(input.method)
    ? await prove(env, user, input, sent, trace)
    : undefined
  if (shown === undefined) {
    await tellFailedProof(env, user.id, 'invalid_code', trace, { method: input.method })
    throw invalidCode('the code')
  }
  // Two codes that are both right, at once: one of them signs in.
  const { meta } = await spend(env.DB, id, clockOf(env).now()).run()
  if (meta.changes !== 1) throw invalidCode('the sign-in was finished')
  await attempt.succeeded()
  return { user, methods: [...pending.shown, shown], deviceName: pending.deviceName }
}

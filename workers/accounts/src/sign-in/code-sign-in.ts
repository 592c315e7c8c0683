import { clockOf, sha256Hex, type Trace } from '@menagerie/core'
import type { Env } from '../context.ts'
import { challengeIdOf, readChallenge } from '../credentials/challenges.ts'
import { type CodeData, useCode } from '../credentials/codes.ts'
import { invalidCode } from '../credentials/invalid-code.ts'
import { findUser } from '../db/users.ts'
import { beginAttempt } from '../guard/login-guard.ts'
import { firstFactorShown, type SignInResult } from './authenticate.ts'
import { tellFailure } from './failure.ts'

/**
 * Signs in with a code that was sent to a verified number or address. Where a second factor is set up it is asked for.
 *
 * @throws AppError `invalid_code`, `too_many_attempts`
 */
export async function checkCodeSignIn(
  env: Env,
  input: {
    challengeId: string
    code: string
    deviceName: string | null
    address: string
    trace: Trace
  },
): Promise<SignInResult> {
  const { challengeId, code, address, trace } = input
  const id = await challengeIdOf('sign-in-code', challengeId)
  const sent = await readChallenge<CodeData>(env.DB, id, clockOf(env).now())
  const attempt = await beginAttempt(env, {
    account: sent?.userId ?? (await sha256Hex(`unknown code:${challengeId}`)),
    address,
    kind: 'code',
  })
  const challenge = await useCode(env, 'sign-in-code', challengeId, code)
  const user = challenge?.userId == null ? undefined : await findUser(env.DB, challenge.userId)
  if (challenge === undefined || user === undefined || user.status === 'disabled') {
    const method = sent?.data.channel ?? 'code'
    await tellFailure(env, sent?.userId ?? null, 'invalid_code', trace, { method })
    throw invalidCode('no such code')
  }
  await attempt.succeeded()
  return firstFactorShown(env, user, challenge.data.channel, input.deviceName)
}

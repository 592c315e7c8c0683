import type { AuthenticationMethod } from '@menagerie/contracts'
import { sha256Hex, type Trace } from '@menagerie/core'
import type { Env } from '../context.ts'
import { invalidCode } from '../credentials/invalid-code.ts'
import {
  assertionOptions,
  type Credential,
  checkAssertion,
} from '../credentials/passkeys/assertion.ts'
import type { UserRow } from '../db/schema.ts'
import { findUser } from '../db/users.ts'
import { beginAttempt } from '../guard/login-guard.ts'
import { tellFailure } from './failure.ts'
import { pendingSignIn } from './second-factor.ts'

/**
 * Options to sign in with a passkey. A name alone makes no difference, or anybody could ask who has passkeys; behind a
 * password, the account's own are asked for.
 *
 * @throws AppError `invalid_code` for a sign-in that is over
 */
export async function passkeySignInOptions(
  env: Env,
  { mfaToken }: { username?: string | undefined; mfaToken?: string | undefined },
): Promise<{ challengeId: string; options: { challenge: string } & Record<string, unknown> }> {
  if (mfaToken === undefined) return assertionOptions(env, null)
  const found = await pendingSignIn(env, mfaToken)
  if (found === undefined) throw invalidCode('no such sign-in')
  return assertionOptions(env, found.user.id)
}

/**
 * Signs in with a passkey alone: the key, and the finger or PIN that unlocked it, are two factors.
 *
 * @throws AppError `invalid_code`, `too_many_attempts`
 */
export async function verifyPasskeySignIn(
  env: Env,
  input: { challengeId: string; credential: Credential; address: string; trace: Trace },
): Promise<{ user: UserRow; methods: AuthenticationMethod[] }> {
  const { credential, address, trace } = input
  const owner = await env.DB.prepare('SELECT user_id FROM passkeys WHERE id = ?')
    .bind(credential.id)
    .first<{ user_id: string }>()
  const attempt = await beginAttempt(env, {
    account: owner?.user_id ?? (await sha256Hex(`unknown passkey:${credential.id}`)),
    address,
    kind: 'code',
  })
  const checked = await checkAssertion(env, input, null)
  const user = checked.ok ? await findUser(env.DB, checked.userId) : undefined
  if (!checked.ok || user === undefined || user.status === 'disabled') {
    const reason = checked.ok ? 'disabled' : 'invalid_passkey'
    await tellFailure(env, owner?.user_id ?? null, reason, trace, { method: 'hwk' })
    throw invalidCode(checked.ok ? 'disabled' : checked.error)
  }
  await attempt.succeeded()
  return { user, methods: ['hwk'] }
}

import type { AuthenticationMethod, SecondFactorMethod } from '@menagerie/contracts'
import { clockOf, randomToken, sha256Hex, type Trace } from '@menagerie/core'
import { type Env, settingsOf } from '../context.ts'
import { challengeIdOf, openChallenge } from '../credentials/challenges.ts'
import { factorsOf, secondFactorOf } from '../credentials/factors.ts'
import type { UserRow } from '../db/schema.ts'
import { findByIdentifier } from '../db/users.ts'
import { beginAttempt } from '../guard/login-guard.ts'
import type { Identifier } from '../identifiers.ts'
import { checkPassword } from '../passwords.ts'
import { tellFailure } from './failure.ts'

export { passkeySignInOptions, verifyPasskeySignIn } from './passkey-sign-in.ts'
export { type SecondFactorInput, verifySecondFactor } from './second-factor.ts'

/** How long a second factor may take. */
export const SECOND_FACTOR_MS = 5 * 60_000

/** What stands between the two factors of a sign-in. */
export interface PendingSignIn {
  methods: SecondFactorMethod[]
  shown: AuthenticationMethod[]
  deviceName: string | null
}

export type SignInResult =
  | { status: 'refused' }
  | { status: 'second_factor'; user: UserRow; methods: SecondFactorMethod[]; mfaToken: string }
  | { status: 'authenticated'; user: UserRow; methods: AuthenticationMethod[] }

export interface PasswordSignIn {
  identifier: Identifier
  password: string
  /** Where it comes from, as `addressOf` tells. */
  address: string
  trace: Trace
  /** Kept for the session while a second factor is asked for. */
  deviceName?: string | null
}

/**
 * Looks at a name and a password. For an unknown name, a wrong password and a disabled account the answer is the same,
 * and so is the work: one attempt counted, one bcrypt comparison, one event and one audit event kept (ASVS 6.3.8).
 *
 * @throws AppError `too_many_attempts`, before the password is looked at
 */
export async function checkPasswordSignIn(env: Env, input: PasswordSignIn): Promise<SignInResult> {
  const user = await findByIdentifier(env.DB, input.identifier)
  const attempt = await beginAttempt(env, {
    account: user?.id ?? (await unknownName(input.identifier)),
    address: input.address,
    kind: 'password',
  })
  const cost = Number(settingsOf(env).BCRYPT_COST)
  const check = await checkPassword(input.password, user?.passwordHash, cost)
  if (user === undefined || !check.matches || user.status === 'disabled') {
    const disabled = user?.status === 'disabled' && check.matches
    const reason = disabled ? 'disabled' : 'invalid_credentials'
    await tellFailure(env, user?.id ?? null, reason, input.trace, { method: 'pwd' })
    return { status: 'refused' }
  }
  await attempt.succeeded()
  if (check.rehashed !== undefined)
    await keepHash(env.DB, user.id, user.passwordHash, check.rehashed).run()
  return firstFactorShown(env, user, 'pwd', input.deviceName ?? null)
}

/** Goes on after a first factor: done, or a token that a second factor must be shown with. */
export async function firstFactorShown(
  env: Env,
  user: UserRow,
  shown: AuthenticationMethod,
  deviceName: string | null,
): Promise<SignInResult> {
  const methods = secondFactorOf(env, user, await factorsOf(env.DB, user.id), shown)
  if (methods === undefined) return { status: 'authenticated', user, methods: [shown] }
  const mfaToken = randomToken()
  const now = clockOf(env).now()
  const kind = 'second-factor'
  const data: PendingSignIn = { methods, shown: [shown], deviceName }
  await env.DB.batch(
    openChallenge(
      env.DB,
      {
        id: await challengeIdOf(kind, mfaToken),
        kind,
        userId: user.id,
        data,
        expiresAt: now + SECOND_FACTOR_MS,
      },
      now,
    ),
  )
  return { status: 'second_factor', user, methods, mfaToken }
}

/** What attempts at a name nobody has are counted under. */
export const unknownName = ({ column, value }: Identifier): Promise<string> =>
  sha256Hex(`unknown ${column}:${value}`)

/** Only while the password is still the one that was checked. */
const keepHash = (db: D1Database, id: string, checked: string, rehashed: string) =>
  db
    .prepare('UPDATE users SET password_hash = ? WHERE id = ? AND password_hash = ?')
    .bind(rehashed, id, checked)

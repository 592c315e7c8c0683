import type { ForgotPasswordRequest } from '@menagerie/contracts'
import { clockOf, randomToken, type Trace, toTraceparent } from '@menagerie/core'
import { auditStatements } from '../../audit.ts'
import { type Env, settingsOf } from '../../context.ts'
import type { UserRow } from '../../db/schema.ts'
import { findByIdentifier } from '../../db/users.ts'
import { beginSend } from '../../guard/login-guard.ts'
import { identifierOf } from '../../identifiers.ts'
import { unknownName } from '../../sign-in/authenticate.ts'
import { challengeIdOf, openChallenge, voidChallenges } from '../challenges.ts'
import { commit } from '../commit.ts'
import { isUnproven } from '../first-proof.ts'
import { verifiedContact } from '../notices.ts'
import { type ContactPoint, sendSecret } from '../send-secret.ts'

/** How long a link is good for. */
export const RESET_MS = 15 * 60_000

/** Where a link was sent: whoever opens it has shown that this is theirs. */
export interface ResetData {
  to: ContactPoint | null
}

/**
 * Sends a link to set a new password to the account's verified address or number. Where nothing of it was ever verified, it
 * goes to the one the account was made with: whoever that belongs to gets the account, and not who made it in their name.
 * For a name nobody has, the answer and the work are the same, and nothing leaves.
 *
 * @returns when the link is over, milliseconds since the epoch
 * @throws AppError `too_many_attempts`
 */
export async function forgotPassword(
  env: Env,
  body: ForgotPasswordRequest,
  address: string,
  trace: Trace,
): Promise<number> {
  const identifier = identifierOf(body)
  const user = await findByIdentifier(env.DB, identifier)
  await beginSend(env, {
    account: user?.id ?? (await unknownName(identifier)),
    address,
    destination: identifier.value,
  })
  const now = clockOf(env).now()
  const expiresAt = now + RESET_MS
  const traceparent = toTraceparent(trace)
  const to = user === undefined || user.status === 'disabled' ? undefined : ownContact(user)
  const owner = to === undefined ? null : (user?.id ?? null)
  const token = randomToken()
  const kind = 'password-reset'
  await commit(env, [
    ...(await sendSecret(
      env,
      {
        to: to ?? { email: 'nobody@invalid.example' },
        content: {
          title: 'Set a new password',
          body: `Somebody asked to set a new password for your account. If it was you, open this link within ${RESET_MS / 60_000} minutes: ${resetLink(env, token)} If it was not, there is nothing to do.`,
        },
        category: 'password-reset',
        expiresAt,
        traceparent,
      },
      { sql: '? IS NOT NULL', params: [owner] },
    )),
    // A new link makes the one before void.
    voidChallenges(env.DB, owner ?? '', [kind]),
    ...openChallenge(
      env.DB,
      {
        id: await challengeIdOf(kind, token),
        kind,
        userId: owner,
        data: { to: to ?? null } satisfies ResetData,
        expiresAt,
      },
      now,
    ),
    ...auditStatements(
      env.DB,
      {
        action: 'password.reset-requested',
        actor: { kind: 'anonymous', id: null },
        target: { kind: 'user', id: user?.id ?? null },
      },
      now,
      traceparent,
    ),
  ])
  return expiresAt
}

function ownContact(user: UserRow): ContactPoint | undefined {
  if (!isUnproven(user)) return verifiedContact(user)
  if (user.email !== null) return { email: user.email }
  return user.phoneNumber === null ? undefined : { phoneNumber: user.phoneNumber }
}

/**
 * The link is made of our own address, whatever host a request named, and the token stands in the fragment: browsers
 * send that to nobody, so it is in no log and no `Referer`.
 */
function resetLink(env: Env, token: string): string {
  const { PUBLIC_URL, REALM } = settingsOf(env)
  return `${PUBLIC_URL.replace(/\/$/, '')}/auth/realms/${REALM}/password-reset#token=${token}`
}

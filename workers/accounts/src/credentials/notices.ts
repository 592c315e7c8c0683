import { clockOf } from '@menagerie/core'
import type { Env } from '../context.ts'
import type { UserRow } from '../db/schema.ts'
import type { Condition } from './commit.ts'
import { type ContactPoint, sendSecret } from './send-secret.ts'

/** A day late, a notice is still worth reading. */
const NOTICE_MS = 24 * 60 * 60_000

/** What an account's owner is told of its credentials (ASVS 6.3.7). */
export const notices = {
  'password.changed': 'The password of your account was changed.',
  'password.reset':
    'The password of your account was set anew with a link that was sent to you. Every session has ended.',
  'totp.enabled': 'An authenticator app is now asked for when you sign in.',
  'totp.disabled': 'The authenticator app of your account was removed.',
  'passkey.added': 'A passkey was added to your account.',
  'passkey.removed': 'A passkey was removed from your account.',
  'recovery-codes.created': 'New recovery codes were made for your account. Those before are void.',
  'recovery-code.used': 'A recovery code of your account was used. It does not work again.',
  'contact.changed':
    'The phone number or e-mail address of your account was changed. This message went to the one before.',
} as const

/** Where an account's owner is reached for certain: a verified address, or a verified number. */
export function verifiedContact(user: UserRow): ContactPoint | undefined {
  if (user.email !== null && user.emailVerified) return { email: user.email }
  if (user.phoneNumber !== null && user.phoneNumberVerified)
    return { phoneNumber: user.phoneNumber }
  return undefined
}

/** Statements that tell an account's owner of a change; none where nothing of theirs is verified. */
export async function noticeStatements(
  env: Env,
  user: UserRow,
  notice: keyof typeof notices,
  traceparent: string,
  condition?: Condition,
  to = verifiedContact(user),
): Promise<D1PreparedStatement[]> {
  if (to === undefined) return []
  return sendSecret(
    env,
    {
      to,
      content: {
        title: 'Your account was changed',
        body: `${notices[notice]} If this was not you, set a new password now and end your other sessions.`,
      },
      category: 'security',
      expiresAt: clockOf(env).now() + NOTICE_MS,
      traceparent,
    },
    condition,
  )
}

import { AppError, randomToken } from '@menagerie/core'
import type { Env } from '../context.ts'
import { codeStatements } from '../credentials/codes.ts'
import { commit } from '../credentials/commit.ts'
import { verifyCodeName } from '../credentials/start-code.ts'
import { beginSend } from '../guard/login-guard.ts'
import type { AccountName } from './register.ts'

/**
 * Sends the code that verifies a new account's number or address. Where the number has had its codes for the hour none is
 * sent; the owner asks for one later (`POST /auth/otp/start`). For a name that was taken the same work is done, and
 * nothing is sent or made void.
 *
 * @param userId `null` where no account was made
 */
export async function sendVerification(
  env: Env,
  contact: AccountName,
  userId: string | null,
  address: string,
  traceparent: string,
): Promise<void> {
  try {
    await beginSend(env, { account: null, address, destination: contact.value })
  } catch (error) {
    if (error instanceof AppError && error.code === 'too_many_attempts') return
    throw error
  }
  const { statements } = await codeStatements(env, {
    kind: 'verify-code',
    token: userId === null ? randomToken() : verifyCodeName(contact),
    userId,
    channel: contact.channel,
    address: contact.value,
    traceparent,
  })
  await commit(env, statements)
}

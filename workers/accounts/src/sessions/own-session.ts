import { AppError, type Principal } from '@menagerie/core'
import type { Env } from '../context.ts'
import { findClient } from '../oauth/clients.ts'

/**
 * Refuses whoever is not a person at a client of our own. How people sign in, where they are signed in, and whether they
 * have an account is none of another app's business, whatever its scope says: `profile:write` in a stolen token of such
 * an app would be a passkey, and the passkey the account (S41).
 *
 * @throws AppError `forbidden`
 */
export async function requireOwnSession(env: Env, principal: Principal): Promise<void> {
  if (principal.kind !== 'user') throw new AppError('forbidden', 'This belongs to people')
  const client = await findClient(env, principal.clientId)
  if (client?.firstParty !== true)
    throw new AppError('forbidden', 'Credentials and sessions are not for apps of others')
}

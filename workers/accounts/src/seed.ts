import { Role } from '@menagerie/contracts'
import { newId } from '@menagerie/core/ids'
import { normaliseEmail } from './identifiers.ts'
import { hashPassword } from './passwords.ts'
import { purposes, seal } from './sealing.ts'
import { searchNameOf } from './users/search-words.ts'

export interface SeedUser {
  role: string
  /** A phone number (E.164) or an e-mail address. */
  username: string
  password: string
  displayName: string
  /** Of an authenticator app (base32). It is asked for by critical actions, and not at the sign-in. */
  totpSecret?: string
}

export interface SeedStatement {
  sql: string
  params: (string | number | null)[]
}

/**
 * Statements that make verified accounts; an account whose name is taken stays as it is. Runs in Node and in Workers.
 *
 * @param now milliseconds since the epoch
 * @param bcryptCost as `BCRYPT_COST`, or the first sign-in hashes anew
 * @param keyEncryptionKey `KEY_ENCRYPTION_KEY`, for users with a `totpSecret`
 * @throws ZodError for a role that is not built in; Error for a `totpSecret` without the key
 */
export async function seedStatements(
  users: readonly SeedUser[],
  now: number,
  bcryptCost = 12,
  keyEncryptionKey?: string,
): Promise<SeedStatement[]> {
  const each = users.map((user) => seedUser(user, now, bcryptCost, keyEncryptionKey))
  return (await Promise.all(each)).flat()
}

async function seedUser(
  user: SeedUser,
  now: number,
  cost: number,
  keyEncryptionKey: string | undefined,
): Promise<SeedStatement[]> {
  const id = newId()
  const phone = user.username.startsWith('+')
  const username = phone ? user.username : normaliseEmail(user.username)
  const roles = [Role.parse(user.role)]
  const account = {
    sql: `INSERT INTO users (id, username, phone_number, phone_number_verified, email, email_verified,
            password_hash, display_name, search_name, roles, status, created_at, second_factor_at_sign_in)
          VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'active', ?, ?) ON CONFLICT DO NOTHING`,
    params: [
      id,
      username,
      phone ? username : null,
      phone ? 1 : 0,
      phone ? null : username,
      phone ? 0 : 1,
      await hashPassword(user.password, cost),
      user.displayName,
      searchNameOf(user.displayName),
      JSON.stringify(roles),
      now,
      user.totpSecret === undefined ? 1 : 0,
    ],
  }
  if (user.totpSecret === undefined) return [account]
  if (keyEncryptionKey === undefined) throw new Error('A totpSecret needs KEY_ENCRYPTION_KEY')
  const sealed = await seal(keyEncryptionKey, purposes.totp, user.totpSecret, id)
  // Only for the account of the statement before: one that stood under the name has its own.
  const app = {
    sql: `INSERT INTO totp (user_id, state, secret, created_at)
          SELECT id, 'active', ?, ? FROM users WHERE id = ?`,
    params: [sealed, now, id],
  }
  return [account, app]
}

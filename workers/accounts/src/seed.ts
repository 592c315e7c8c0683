import { Role } from '@menagerie/contracts'
import { newId } from '@menagerie/core/ids'
import { normaliseEmail } from './identifiers.ts'
import { hashPassword } from './passwords.ts'

export interface SeedUser {
  role: string
  /** A phone number (E.164) or an e-mail address. */
  username: string
  password: string
  displayName: string
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
 * @throws ZodError for a role that is not built in
 */
export function seedStatements(
  users: readonly SeedUser[],
  now: number,
  bcryptCost = 12,
): Promise<SeedStatement[]> {
  return Promise.all(users.map((user) => seedStatement(user, now, bcryptCost)))
}

async function seedStatement(user: SeedUser, now: number, cost: number): Promise<SeedStatement> {
  const phone = user.username.startsWith('+')
  const username = phone ? user.username : normaliseEmail(user.username)
  const roles = [Role.parse(user.role)]
  return {
    sql: `INSERT INTO users (id, username, phone_number, phone_number_verified, email, email_verified,
            password_hash, display_name, search_name, roles, status, created_at)
          VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'active', ?) ON CONFLICT DO NOTHING`,
    params: [
      newId(),
      username,
      phone ? username : null,
      phone ? 1 : 0,
      phone ? null : username,
      phone ? 0 : 1,
      await hashPassword(user.password, cost),
      user.displayName,
      user.displayName.toLowerCase(),
      JSON.stringify(roles),
      now,
    ],
  }
}

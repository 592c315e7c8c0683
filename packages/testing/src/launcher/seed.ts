import type { D1Database } from '@cloudflare/workers-types'
import { seedStatements } from '@menagerie/accounts/seed'
import type { DemoUser } from './demo-users.ts'

/** The database that knows the users. */
export const ACCOUNTS_DATABASE = 'menagerie-accounts'

/**
 * Writes the demo users into an accounts database that has no users yet, all of them or none.
 *
 * @param now milliseconds since the epoch
 * @param keyEncryptionKey `KEY_ENCRYPTION_KEY` of the data folder
 * @returns whether it wrote
 */
export async function seedUsers(
  database: D1Database,
  users: readonly DemoUser[],
  now: number,
  keyEncryptionKey: string | undefined,
): Promise<boolean> {
  const anyone = await database.prepare('SELECT 1 FROM users LIMIT 1').first()
  if (anyone !== null) return false
  const statements = await seedStatements(users, now, undefined, keyEncryptionKey)
  await database.batch(statements.map(({ sql, params }) => database.prepare(sql).bind(...params)))
  return true
}

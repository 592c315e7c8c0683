import type { UserRow } from '../db/schema.ts'
import type { Condition } from './commit.ts'

/** Whether nobody has shown yet that a number or an address of the account is theirs. */
export const isUnproven = (user: UserRow): boolean =>
  !user.phoneNumberVerified && !user.emailVerified

/** The same over the database, for the batch that proves it. */
export const unproven = (userId: string): Condition => ({
  sql: `EXISTS (SELECT 1 FROM users WHERE id = ? AND NOT phone_number_verified AND NOT email_verified)`,
  params: [userId],
})

/**
 * Statements that drop what was set up to sign in to an account before anything of it was proven. Whoever made it with
 * somebody else's address must not keep a key to it once the owner of the address has come.
 */
export const dropFactors = (
  db: D1Database,
  userId: string,
  condition: Condition,
): D1PreparedStatement[] =>
  ['passkeys', 'totp', 'recovery_codes', 'challenges'].map((table) =>
    db
      .prepare(
        `DELETE FROM ${table} WHERE user_id = ? ${table === 'challenges' ? "AND kind IN ('change-code', 'passkey-registration', 'second-factor', 'second-factor-code', 'step-up-code')" : ''}
         AND (${condition.sql})`,
      )
      .bind(userId, ...condition.params),
  )

import type { AuthenticationMethod, SecondFactorMethod } from '@menagerie/contracts'
import { sql } from 'drizzle-orm'
import { type Env, settingsOf } from '../context.ts'
import type { UserRow } from '../db/schema.ts'

/** What an account has set up. */
export interface Factors {
  totp: boolean
  passkeys: number
  recoveryCodes: number
}

/** What is asked of an account, by the SQL that stands for its id. */
const counts = (id: string) => ({
  totp: `EXISTS (SELECT 1 FROM totp WHERE user_id = ${id} AND state = 'active')`,
  passkeys: `(SELECT count(*) FROM passkeys WHERE user_id = ${id})`,
  codes: `(SELECT count(*) FROM recovery_codes WHERE user_id = ${id} AND used_at IS NULL)`,
})

const asked = counts('?')
const FACTORS = `SELECT ${asked.totp} AS totp, ${asked.passkeys} AS passkeys, ${asked.codes} AS codes`
const ofUsers = counts('users.id')

/** Columns that tell it beside an account's own, for whoever reads the account anyway. */
export const factorColumns = {
  totp: sql.raw(ofUsers.totp).mapWith(Number).as('totp'),
  passkeys: sql.raw(ofUsers.passkeys).mapWith(Number).as('passkeys'),
  codes: sql.raw(ofUsers.codes).mapWith(Number).as('codes'),
}

/** What an account has set up to show besides a password. */
export async function factorsOf(db: D1Database, userId: string): Promise<Factors> {
  const row = await db
    .prepare(FACTORS)
    .bind(userId, userId, userId)
    .first<{ totp: number; passkeys: number; codes: number }>()
  return toFactors(row ?? { totp: 0, passkeys: 0, codes: 0 })
}

export const toFactors = (row: { totp: number; passkeys: number; codes: number }): Factors => ({
  totp: row.totp === 1,
  passkeys: row.passkeys,
  recoveryCodes: row.codes,
})

/** Whether it has a second factor of its own: codes by SMS and e-mail, which reach a contact point, are none. */
export const hasSecondFactor = ({ totp, passkeys }: Factors): boolean => totp || passkeys > 0

/**
 * The ways to show a second factor, the stronger first. Codes by SMS and e-mail are for accounts that have set up nothing
 * else: whoever reads the mailbox of the others could set a new password with it and then be the second factor too.
 */
export function methodsOf(user: UserRow, factors: Factors): SecondFactorMethod[] {
  const own = ownMethods(factors)
  return hasSecondFactor(factors) ? own : [...own, ...sentMethods(user)]
}

const ownMethods = (factors: Factors): SecondFactorMethod[] => [
  ...(factors.passkeys > 0 ? (['passkey'] as const) : []),
  ...(factors.totp ? (['totp'] as const) : []),
  ...(factors.recoveryCodes > 0 ? (['recovery_code'] as const) : []),
]

const sentMethods = (user: UserRow): SecondFactorMethod[] => [
  ...(user.phoneNumber !== null && user.phoneNumberVerified ? (['sms'] as const) : []),
  ...(user.email !== null && user.emailVerified ? (['email'] as const) : []),
]

/** How tokens and sessions name the methods (RFC 8176). */
export const methodNames = {
  totp: 'otp',
  recovery_code: 'rec',
  passkey: 'hwk',
  sms: 'sms',
  email: 'email',
} as const satisfies Record<SecondFactorMethod, AuthenticationMethod>

/** What must be shown after the first factor; `undefined` where that was enough. */
export function secondFactorOf(
  env: Env,
  user: UserRow,
  factors: Factors,
  shown: AuthenticationMethod,
): SecondFactorMethod[] | undefined {
  const required =
    settingsOf(env).REQUIRE_ADMIN_SECOND_FACTOR === 'true' && user.roles.includes('admin')
  const asked = hasSecondFactor(factors) && user.secondFactorAtSignIn
  if (!required && !asked) return undefined
  return methodsBeside(user, factors, [shown])
}

/** The ways to show a second factor to who has shown these methods: after a code that was sent, another one is no second kind. */
export function methodsBeside(
  user: UserRow,
  factors: Factors,
  shown: readonly AuthenticationMethod[],
): SecondFactorMethod[] {
  const methods = methodsOf(user, factors)
  return shown.includes('pwd') || shown.includes('hwk')
    ? methods
    : methods.filter((method) => method !== 'sms' && method !== 'email')
}

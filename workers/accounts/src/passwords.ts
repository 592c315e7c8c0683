import { compare, genSalt, getRounds, hash, truncates } from 'bcryptjs'

/** What a sign-in learnt of a password. */
export interface PasswordCheck {
  matches: boolean
  /** A new hash to keep, where the old one has another cost. */
  rehashed?: string
}

/** A bcrypt hash. Passwords beyond bcrypt's 72 bytes were refused before. */
export const hashPassword = async (password: string, cost: number): Promise<string> =>
  hash(password, await genSalt(cost))

/**
 * Compares a password with an account's hash. For nobody's account it compares with a hash of the same cost all the
 * same, so that the time tells nothing (OWASP ASVS 6.3.8).
 *
 * @param stored the account's hash; `undefined` for an unknown user
 */
export async function checkPassword(
  password: string,
  stored: string | undefined,
  cost: number,
): Promise<PasswordCheck> {
  // bcrypt reads 72 bytes and would take two long passwords for one.
  const tooLong = truncates(password)
  const equal = await compare(password, stored ?? dummyHash(cost))
  if (stored === undefined || tooLong || !equal) return { matches: false }
  return getRounds(stored) === cost
    ? { matches: true }
    : { matches: true, rehashed: await hashPassword(password, cost) }
}

/** A hash no password is known for: salt and digest are arbitrary, only the cost counts. */
export const dummyHash = (cost: number): string =>
  `$2b$${String(cost).padStart(2, '0')}$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234`

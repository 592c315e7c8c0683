import { AppError, sha256Hex } from '@menagerie/core'
import { type Env, settingsOf } from '../context.ts'
import { networkOf } from './network-of.ts'

export interface Attempt {
  /** An account's id, or a hash of the name nobody has. */
  account: string
  /** As `addressOf` tells. */
  address: string
  kind: 'password' | 'code'
}

/** The client's address as the platform tells it; nothing that the client says. */
export const addressOf = (c: { req: { header(name: string): string | undefined } }): string =>
  c.req.header('cf-connecting-ip') ?? 'unknown'

/**
 * Counts an attempt before its secret is looked at, so that parallel guesses are as many as they are. For names that
 * nobody has it is the same.
 *
 * @returns call `succeeded` when the secret was right: it clears the account's count, and the address is known from then on
 * @throws AppError `too_many_attempts`
 */
export async function beginAttempt(
  env: Env,
  { account, address, kind }: Attempt,
): Promise<{ succeeded(): Promise<void> }> {
  const network = networkOf(address)
  const perMinute = Number(settingsOf(env).SIGN_INS_PER_MINUTE)
  // First, so that who tries too often from one address does not use up an account's tries.
  const byAddress = await guardOf(env, `address:${network}`).spend([
    { max: perMinute, perMs: 60_000 },
  ])
  refuseIf(byAddress)
  const guard = guardOf(env, `account:${account}`)
  // No address is kept in clear, and none can be compared between accounts.
  const from = (await sha256Hex(`${account} ${network}`)).slice(0, 32)
  refuseIf(await guard.attempt(kind, from))
  return { succeeded: () => guard.succeeded(kind, from) }
}

const HOUR_MS = 60 * 60_000

/**
 * What codes and links may be sent: a phone that rings all night and a bill are attacks too. Per number or address of mail
 * 5 an hour and 10 a day, per account 10 an hour, per network address 30 an hour.
 */
export const sendBudgets = {
  destination: [
    { max: 5, perMs: HOUR_MS },
    { max: 10, perMs: 24 * HOUR_MS },
  ],
  account: [{ max: 10, perMs: HOUR_MS }],
  address: [{ max: 30, perMs: HOUR_MS }],
} as const

/**
 * Counts a code or a link before it is sent.
 *
 * @param send.destination the number (E.164) or the address of mail, normalised
 * @throws AppError `too_many_attempts`
 */
export async function beginSend(
  env: Env,
  send: { account: string | null; address: string; destination: string },
): Promise<void> {
  const { address, destination, account } = send
  const spend = async (name: string, budgets: readonly { max: number; perMs: number }[]) =>
    refuseIf(await guardOf(env, `send:${name}`).spend(budgets))
  await spend(`address:${networkOf(address)}`, sendBudgets.address)
  await spend(`to:${await sha256Hex(destination)}`, sendBudgets.destination)
  if (account !== null) await spend(`account:${account}`, sendBudgets.account)
}

/** Clears an account's counts, as an administrator or a new password does. */
export const unlock = (env: Env, userId: string): Promise<void> =>
  guardOf(env, `account:${userId}`).unlock()

/** Forgets all that is known of an account's attempts, as when it is deleted. */
export const forgetAttempts = (env: Env, userId: string): Promise<void> =>
  guardOf(env, `account:${userId}`).forget()

const guardOf = (env: Env, name: string) => env.LOGIN_GUARD.getByName(name)

/** @param waitMs 0 for what may go on */
function refuseIf(waitMs: number): void {
  if (waitMs === 0) return
  throw new AppError('too_many_attempts', 'Too many attempts; wait before the next one', {
    retryAfterSeconds: Math.ceil(waitMs / 1000),
  })
}

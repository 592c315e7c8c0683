import type { OtpStarted, OtpStartRequest } from '@menagerie/contracts'
import {
  AppError,
  type Principal,
  randomToken,
  sha256Hex,
  type Trace,
  toTimestamp,
  toTraceparent,
} from '@menagerie/core'
import type { Env } from '../context.ts'
import type { UserRow } from '../db/schema.ts'
import { findByIdentifier, findUser } from '../db/users.ts'
import { beginSend } from '../guard/login-guard.ts'
import { requireOwnSession } from '../sessions/own-session.ts'
import { unknownName } from '../sign-in/authenticate.ts'
import { secondFactorCodeName, stepUpCodeName } from '../sign-in/prove.ts'
import { pendingSignIn } from '../sign-in/second-factor.ts'
import { voidChallenges } from './challenges.ts'
import { type CodeChannel, type CodeKind, codeStatements } from './codes.ts'
import { commit } from './commit.ts'
import { type Contact, contactOf, identifierOfContact } from './contact-point.ts'
import { factorsOf, methodsBeside, methodsOf } from './factors.ts'
import { aliveSession, requireFreshFactor } from './fresh-factor.ts'
import { invalidCode } from './invalid-code.ts'

/** A code to be sent: whose it is, and whether anybody gets it. */
interface Wanted {
  kind: CodeKind
  token: string
  /** What its holder is told to show; the code's own name for a sign-in. */
  challengeId: string
  /** Who pays for it out of the budget of an account. */
  account: string
  /** `null` where nothing is sent and nobody may learn of it. */
  userId: string | null
  contact: Contact
}

/**
 * Sends a one-time code. Whether a name is known, verified or taken, the answer and the work are the same.
 *
 * @param bearer who asks, for `step-up` and `change`
 * @throws AppError `too_many_attempts`, `unauthorized`, `step_up_required`, `invalid_code` for a sign-in that is over
 */
export async function startCode(
  env: Env,
  body: OtpStartRequest,
  bearer: () => Promise<Principal>,
  address: string,
  trace: Trace,
): Promise<OtpStarted> {
  const wanted = await wantedCode(env, body, bearer)
  const { kind, token, userId, contact } = wanted
  await beginSend(env, { account: wanted.account, address, destination: contact.value })
  const { statements, expiresAt } = await codeStatements(env, {
    kind,
    token,
    userId,
    channel: contact.channel,
    address: contact.value,
    traceparent: toTraceparent(trace),
  })
  await commit(env, [
    // Codes with a random name are not replaced by the next one of the same account.
    ...(kind === 'sign-in-code' ? [voidChallenges(env.DB, userId ?? '', [kind])] : []),
    ...statements,
  ])
  return {
    challengeId: wanted.challengeId,
    channel: contact.channel,
    expiresAt: toTimestamp(expiresAt),
  }
}

async function wantedCode(
  env: Env,
  body: OtpStartRequest,
  bearer: () => Promise<Principal>,
): Promise<Wanted> {
  switch (body.purpose) {
    case 'sign-in':
      return signInCode(env, contactOf(body))
    case 'verify':
      return verifyCode(env, contactOf(body))
    case 'second-factor': {
      const found = await pendingSignIn(env, body.mfaToken)
      if (found === undefined) throw invalidCode('no such sign-in')
      if (!found.pending.methods.includes(body.channel)) throw notVerified(body.channel)
      const token = secondFactorCodeName(body.mfaToken)(body.channel)
      return ownCode('second-factor-code', token, found.user, body.channel)
    }
    case 'step-up': {
      const principal = await bearer()
      const user = await ownerOf(env, principal)
      const session = await aliveSession(env, principal)
      const methods = methodsBeside(user, await factorsOf(env.DB, user.id), session.methods)
      if (!methods.includes(body.channel)) throw notVerified(body.channel)
      const token = stepUpCodeName(principal.sessionId)(body.channel)
      return ownCode('step-up-code', token, user, body.channel)
    }
    case 'change':
      return changeCode(env, await bearer(), contactOf(body))
  }
}

/** Only to what is verified: whoever made an account with somebody else's address must not have them sign in to it. */
async function signInCode(env: Env, contact: Contact): Promise<Wanted> {
  const identifier = identifierOfContact(contact)
  const user = await findByIdentifier(env.DB, identifier)
  const token = randomToken()
  const reached = user !== undefined && user.status !== 'disabled' && isVerified(user, contact)
  return {
    kind: 'sign-in-code',
    token,
    challengeId: token,
    account: user?.id ?? (await unknownName(identifier)),
    userId: reached ? user.id : null,
    contact,
  }
}

async function verifyCode(env: Env, contact: Contact): Promise<Wanted> {
  const identifier = identifierOfContact(contact)
  const user = await findByIdentifier(env.DB, identifier)
  const token = verifyCodeName(contact)
  const open = user !== undefined && user.status !== 'disabled' && !isVerified(user, contact)
  return {
    kind: 'verify-code',
    token,
    challengeId: await sha256Hex(token),
    account: user?.id ?? (await unknownName(identifier)),
    userId: open ? user.id : null,
    contact,
  }
}

async function ownCode(
  kind: CodeKind,
  token: string,
  user: UserRow,
  channel: CodeChannel,
): Promise<Wanted> {
  const value = channel === 'sms' ? user.phoneNumber : user.email
  if (value === null || !isVerified(user, { channel, value })) throw notVerified(channel)
  return {
    kind,
    token,
    challengeId: await sha256Hex(token),
    account: user.id,
    userId: user.id,
    contact: { channel, value },
  }
}

/** The code goes to the new number or address; for one that is taken, to nobody. */
async function changeCode(env: Env, principal: Principal, contact: Contact): Promise<Wanted> {
  const user = await ownerOf(env, principal)
  const methods = methodsOf(user, await factorsOf(env.DB, user.id))
  if (methods.length > 0) await requireFreshFactor(env, principal)
  else await aliveSession(env, principal)
  const taken = await isTaken(env, contact, user.id)
  const token = changeCodeName(user.id, contact)
  return {
    kind: 'change-code',
    token,
    challengeId: await sha256Hex(token),
    account: user.id,
    userId: taken ? null : user.id,
    contact,
  }
}

/** Whether another account has the number or address, or is named so. */
async function isTaken(env: Env, contact: Contact, userId: string): Promise<boolean> {
  const holders = await Promise.all([
    findByIdentifier(env.DB, identifierOfContact(contact)),
    findByIdentifier(env.DB, { column: 'username', value: contact.value }),
  ])
  return holders.some((holder) => holder !== undefined && holder.id !== userId)
}

async function ownerOf(env: Env, principal: Principal): Promise<UserRow> {
  await requireOwnSession(env, principal)
  const user = await findUser(env.DB, principal.id)
  if (user === undefined || user.status === 'disabled')
    throw new AppError('unauthorized', 'The account of this token is not active')
  return user
}

const isVerified = (user: UserRow, { channel, value }: Contact): boolean =>
  channel === 'sms'
    ? user.phoneNumberVerified && user.phoneNumber === value
    : user.emailVerified && user.email === value

const notVerified = (channel: CodeChannel): AppError =>
  invalidCode(`nothing verified for ${channel}`)

/** How the code that verifies a number or an address is named: there is one at a time. */
export const verifyCodeName = ({ channel, value }: Contact): string => `${channel}:${value}`

/** How the code for an account's new number or address is named. */
export const changeCodeName = (userId: string, { channel, value }: Contact): string =>
  `${userId}:${channel}:${value}`

import { clockOf, secretsEqual } from '@menagerie/core'
import { type Env, settingsOf } from '../context.ts'
import { keyedHash } from '../secrets.ts'
import {
  type Challenge,
  type ChallengeKind,
  challengeIdOf,
  openChallenge,
  spend,
  tryChallenge,
} from './challenges.ts'
import { type Condition, commitOnce } from './commit.ts'
import { sendSecret } from './send-secret.ts'

/** How long a one-time code is good for (NIST SP 800-63B-4 §3.1.3.2 allows ten minutes). */
export const CODE_MS = 5 * 60_000

export type CodeChannel = 'sms' | 'email'
export type CodeKind = Extract<ChallengeKind, `${string}-code`>

/** What a code was sent for. */
export interface CodeData {
  channel: CodeChannel
  address: string
  codeHash: string
}

export interface NewCode {
  kind: CodeKind
  /** Names the code: a random text its holder shows, or what it is for. */
  token: string
  /** Whose; `null` where nobody may learn that there is nobody. */
  userId: string | null
  channel: CodeChannel
  address: string
  traceparent: string
}

/**
 * Statements that keep a code of six digits and have it sent; the one before under the same name is void. Without an
 * account the same work is done, and nothing is sent.
 *
 * @param condition sends it only where the condition holds
 */
export async function codeStatements(
  env: Env,
  code: NewCode,
  condition: Condition = { sql: 'true', params: [] },
): Promise<{ statements: D1PreparedStatement[]; expiresAt: number }> {
  const now = clockOf(env).now()
  const expiresAt = now + CODE_MS
  const { kind, userId, channel, address, traceparent } = code
  const id = await challengeIdOf(kind, code.token)
  const digits = randomDigits()
  const data: CodeData = { channel, address, codeHash: await hashOf(env, id, digits) }
  const message = await sendSecret(
    env,
    {
      to: channel === 'email' ? { email: address } : { phoneNumber: address },
      content: {
        title: `Your code is ${digits}`,
        body: `${digits} is your code. It is good for ${CODE_MS / 60_000} minutes and works once. Give it to nobody.`,
      },
      category: 'one-time-code',
      expiresAt,
      traceparent,
    },
    {
      sql: `? IS NOT NULL AND (${condition.sql})`,
      params: [userId, ...condition.params],
    },
  )
  return {
    statements: [...openChallenge(env.DB, { id, kind, userId, data, expiresAt }, now), ...message],
    expiresAt,
  }
}

/**
 * Looks whether a code is the one that was sent. A try is counted before, and five are all there are.
 *
 * @returns what it was sent for, not spent yet
 */
export async function checkCode(
  env: Env,
  kind: CodeKind,
  token: string,
  code: string,
): Promise<Challenge<CodeData> | undefined> {
  const id = await challengeIdOf(kind, token)
  const challenge = await tryChallenge<CodeData>(env.DB, id, clockOf(env).now())
  const equal = await secretsEqual(challenge?.data.codeHash ?? '', await hashOf(env, id, code))
  return equal ? challenge : undefined
}

/** Checks a code and spends it: two at the same time are one. */
export async function useCode(
  env: Env,
  kind: CodeKind,
  token: string,
  code: string,
): Promise<Challenge<CodeData> | undefined> {
  const challenge = await checkCode(env, kind, token, code)
  if (challenge === undefined) return undefined
  const spent = await commitOnce(env, [], spend(env.DB, challenge.id, clockOf(env).now()))
  return spent ? challenge : undefined
}

/** Six digits have 20 bits, so a plain hash of them would be the code. */
const hashOf = (env: Env, id: string, code: string): Promise<string> =>
  keyedHash(settingsOf(env).KEY_ENCRYPTION_KEY, 'menagerie one-time codes', `${id}:${code}`)

/** Six digits, each as likely as the others. */
function randomDigits(): string {
  // The largest multiple of a million below 2^32: what lies beyond would favour small codes.
  const limit = 4_294_000_000
  for (;;) {
    const [value = limit] = crypto.getRandomValues(new Uint32Array(1))
    if (value < limit) return String(value % 1_000_000).padStart(6, '0')
  }
}

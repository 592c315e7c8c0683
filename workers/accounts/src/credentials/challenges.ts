import { sha256Hex } from '@menagerie/core'
import type { Condition } from './commit.ts'

/** What is still to be shown. A token of one kind names nothing of another. */
export type ChallengeKind =
  | 'second-factor'
  | 'sign-in-code'
  | 'verify-code'
  | 'change-code'
  | 'second-factor-code'
  | 'step-up-code'
  | 'password-reset'
  | 'passkey-registration'
  | 'passkey-sign-in'

export interface Challenge<T> {
  id: string
  userId: string | null
  data: T
  expiresAt: number
}

interface Row {
  id: string
  user_id: string | null
  data: string
  expires_at: number
}

/** How often a code may be tried. */
export const MAX_TRIES = 5

/** The row a token names. Only its hash is kept, and the kind is hashed with it. */
export const challengeIdOf = (kind: ChallengeKind, token: string): Promise<string> =>
  sha256Hex(`${kind}:${token}`)

/** Keeps a challenge; one that stood under the same token is void. Expired ones of all accounts go with it. */
export const openChallenge = (
  db: D1Database,
  challenge: Challenge<unknown> & { kind: ChallengeKind },
  now: number,
): D1PreparedStatement[] => [
  db.prepare('DELETE FROM challenges WHERE expires_at <= ?').bind(now),
  db
    .prepare(
      `INSERT OR REPLACE INTO challenges (id, kind, user_id, data, attempts, expires_at)
       VALUES (?, ?, ?, ?, 0, ?)`,
    )
    .bind(
      challenge.id,
      challenge.kind,
      challenge.userId,
      JSON.stringify(challenge.data),
      challenge.expiresAt,
    ),
]

/** Makes an account's challenges of some kinds void. */
export const voidChallenges = (
  db: D1Database,
  userId: string,
  kinds: readonly ChallengeKind[],
  condition?: Condition,
): D1PreparedStatement =>
  db
    .prepare(
      `DELETE FROM challenges WHERE user_id = ? AND kind IN (SELECT value FROM json_each(?))
       AND (${condition?.sql ?? 'true'})`,
    )
    .bind(userId, JSON.stringify(kinds), ...(condition?.params ?? []))

/** That a challenge can still be met. */
export const stands = (id: string, now: number): Condition => ({
  sql: 'EXISTS (SELECT 1 FROM challenges WHERE id = ? AND used_at IS NULL AND expires_at > ?)',
  params: [id, now],
})

/** Spends a challenge: it can be met once. */
export const spend = (db: D1Database, id: string, now: number): D1PreparedStatement =>
  db
    .prepare(
      'UPDATE challenges SET used_at = ? WHERE id = ? AND used_at IS NULL AND expires_at > ?',
    )
    .bind(now, id, now)

/** A challenge that can still be met, without counting a try. */
export async function readChallenge<T>(
  db: D1Database,
  id: string,
  now: number,
): Promise<Challenge<T> | undefined> {
  return toChallenge(
    await db
      .prepare(
        `SELECT id, user_id, data, expires_at FROM challenges
         WHERE id = ? AND used_at IS NULL AND attempts < ? AND expires_at > ?`,
      )
      .bind(id, MAX_TRIES, now)
      .first<Row>(),
  )
}

/** Counts a try and gives the challenge; `undefined` when it is over or was tried too often. Counted before it is looked at. */
export async function tryChallenge<T>(
  db: D1Database,
  id: string,
  now: number,
): Promise<Challenge<T> | undefined> {
  return toChallenge(
    await db
      .prepare(
        `UPDATE challenges SET attempts = attempts + 1
         WHERE id = ? AND used_at IS NULL AND attempts < ? AND expires_at > ?
         RETURNING id, user_id, data, expires_at`,
      )
      .bind(id, MAX_TRIES, now)
      .first<Row>(),
  )
}

/** Takes a challenge that is good for one try, met or not. */
export async function takeChallenge<T>(
  db: D1Database,
  id: string,
  now: number,
): Promise<Challenge<T> | undefined> {
  return toChallenge(
    await db
      .prepare(
        `UPDATE challenges SET used_at = ? WHERE id = ? AND used_at IS NULL AND expires_at > ?
         RETURNING id, user_id, data, expires_at`,
      )
      .bind(now, id, now)
      .first<Row>(),
  )
}

const toChallenge = <T>(row: Row | null): Challenge<T> | undefined =>
  row === null
    ? undefined
    : {
        id: row.id,
        userId: row.user_id,
        data: JSON.parse(row.data) as T,
        expiresAt: row.expires_at,
      }

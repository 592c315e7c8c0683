import { AppError, canonicalJson, type JsonObject, sha256Hex } from '@menagerie/core'
import type { Condition } from '../audit.ts'
import { bodyMac } from '../secrets.ts'

const KEPT_MS = 24 * 60 * 60_000

/** What an answer is kept under. */
export interface AnswerKey {
  /** SHA-256 of caller, route and `Idempotency-Key`. */
  key: string
  /** HMAC of the canonical body. */
  bodyHash: string
}

/** An answer that was kept. */
export interface KeptAnswer {
  body_hash: string
  claim: string
  response: string
}

/** The key of a request; `undefined` for one without `Idempotency-Key`. */
export async function answerKey(
  secret: string,
  caller: string,
  route: string,
  idempotencyKey: string | undefined,
  body: object,
): Promise<AnswerKey | undefined> {
  if (idempotencyKey === undefined) return undefined
  return {
    key: await sha256Hex(JSON.stringify([caller, route, idempotencyKey])),
    bodyHash: await bodyMac(secret, canonicalJson(body as JsonObject)),
  }
}

/** The statement that reads what stands under a key. */
export const readAnswer = (
  db: D1Database,
  key: AnswerKey | undefined,
  now: number,
): D1PreparedStatement =>
  db
    .prepare(
      'SELECT body_hash, claim, response FROM idempotency_keys WHERE key = ? AND expires_at > ?',
    )
    .bind(key?.key ?? '', now)

/**
 * Statements that keep an answer under a key where none stands, and the condition under which this request is the one
 * that takes effect.
 *
 * @param claim names the request
 * @param when what must hold besides
 */
export function claimAnswer(
  db: D1Database,
  key: AnswerKey | undefined,
  claim: string,
  response: string,
  now: number,
  when: Condition = { sql: 'true', params: [] },
): { statements: D1PreparedStatement[]; claimed: Condition } {
  if (key === undefined) return { statements: [], claimed: when }
  return {
    statements: [
      db.prepare('DELETE FROM idempotency_keys WHERE expires_at <= ?').bind(now),
      db
        .prepare(
          `INSERT INTO idempotency_keys (key, body_hash, claim, response, expires_at)
           SELECT ?, ?, ?, ?, ? WHERE ${when.sql} ON CONFLICT DO NOTHING`,
        )
        .bind(key.key, key.bodyHash, claim, response, now + KEPT_MS, ...when.params),
    ],
    claimed: {
      sql: 'EXISTS (SELECT 1 FROM idempotency_keys WHERE claim = ?)',
      params: [claim],
    },
  }
}

/** The kept answer, for the same request alone. @throws AppError `idempotency_mismatch` */
export function replay(known: KeptAnswer, key: AnswerKey): string {
  if (known.body_hash !== key.bodyHash)
    throw new AppError('idempotency_mismatch', 'This Idempotency-Key was used for another request')
  return known.response
}

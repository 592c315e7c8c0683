import type { RegisterRequest, Registration } from '@menagerie/contracts'
import {
  AppError,
  canonicalJson,
  type JsonObject,
  makeEvent,
  newId,
  outboxStatements,
  sha256Hex,
  toTimestamp,
} from '@menagerie/core'
import { normaliseEmail, normalisePhoneNumber } from '../identifiers.ts'
import { invalidField } from '../invalid-field.ts'
import { hashPassword } from '../passwords.ts'
import { bodyMac } from '../secrets.ts'
import { takenNotice } from './taken-notice.ts'

/** How long a verification code will be good for. */
const VERIFICATION_MS = 10 * 60_000
const KEY_KEPT_MS = 24 * 60 * 60_000

export interface RegisterInput {
  db: D1Database
  body: RegisterRequest
  idempotencyKey: string | undefined
  /** Wraps the registration into the body of the answer, which a repeat gets again. */
  answer: (registration: Registration) => object
  bcryptCost: number
  /** `KEY_ENCRYPTION_KEY`. */
  secret: string
  now: number
  traceparent: string
}

export interface Registered {
  /** The body of the answer, as text. */
  response: string
  /** True for a repeat under a known key. */
  replayed: boolean
}

/**
 * Makes an account, its events and the row of its idempotency key in one batch. A name that is taken changes nothing:
 * the answer looks the same, and its owner is told.
 *
 * @throws AppError `idempotency_mismatch`; `validation_failed` for a number no numbering plan holds and for an invitation nobody made
 */
export async function register(input: RegisterInput): Promise<Registered> {
  const { db, body, now } = input
  if (body.invitationToken !== undefined)
    throw invalidField('/invitationToken', 'unknown_invitation', 'is no invitation of ours')
  const name = nameOf(body)
  const key =
    input.idempotencyKey === undefined
      ? undefined
      : await sha256Hex(JSON.stringify(['anonymous', '/users/register', input.idempotencyKey]))
  const bodyHash =
    key === undefined ? '' : await bodyMac(input.secret, canonicalJson(body as JsonObject))
  if (key !== undefined) {
    // Only saves a repeat the cost of hashing; the batch below decides.
    const known = await db.prepare(readKey).bind(key, now).first<KeyRow>()
    if (known !== null) return replay(known, bodyHash)
  }

  const id = newId()
  const registration: Registration = {
    id,
    status: 'pending',
    verification: { channel: name.channel, expiresAt: toTimestamp(now + VERIFICATION_MS) },
  }
  const response = JSON.stringify(input.answer(registration))
  const passwordHash = await hashPassword(body.password, input.bcryptCost)
  const event = makeEvent({
    type: 'user.registered.v1',
    id: newId(),
    source: '/accounts',
    subject: `/users/${id}`,
    at: now,
    data: { userId: id, channel: name.channel, registeredAt: toTimestamp(now) },
    traceparent: input.traceparent,
  })
  // What follows takes place only if this request's row is the one that stands under the key.
  const claimed = {
    sql: key === undefined ? 'true' : 'EXISTS (SELECT 1 FROM idempotency_keys WHERE claim = ?)',
    params: key === undefined ? [] : [id],
  }
  const results = await db.batch<KeyRow>([
    db.prepare('DELETE FROM idempotency_keys WHERE expires_at <= ?').bind(now),
    db
      .prepare(
        `INSERT INTO idempotency_keys (key, body_hash, claim, response, expires_at)
         SELECT ?, ?, ?, ?, ? WHERE ? IS NOT NULL ON CONFLICT DO NOTHING`,
      )
      .bind(key ?? null, bodyHash, id, response, now + KEY_KEPT_MS, key ?? null),
    db
      .prepare(
        `INSERT INTO users (id, username, phone_number, email, password_hash, display_name, search_name,
           roles, status, locale, time_zone, created_at)
         SELECT ?, ?, ?, ?, ?, ?, ?, '["user"]', 'pending', ?, ?, ? WHERE ${claimed.sql}
         ON CONFLICT DO NOTHING`,
      )
      .bind(
        id,
        name.value,
        name.channel === 'sms' ? name.value : null,
        name.channel === 'email' ? name.value : null,
        passwordHash,
        body.displayName ?? null,
        body.displayName?.toLowerCase() ?? null,
        body.locale ?? null,
        body.timeZone ?? null,
        now,
        ...claimed.params,
      ),
    ...outboxStatements(db, event, now, {
      sql: 'EXISTS (SELECT 1 FROM users WHERE id = ?)',
      params: [id],
    }),
    ...takenNotice(db, name.value, id, now, input.traceparent, claimed),
    db.prepare(readKey).bind(key ?? '', now),
  ])
  const kept = results.at(-1)?.results[0]
  if (kept === undefined || kept.claim === id) return { response, replayed: false }
  return replay(kept, bodyHash)
}

interface KeyRow {
  body_hash: string
  claim: string
  response: string
}

const readKey =
  'SELECT body_hash, claim, response FROM idempotency_keys WHERE key = ? AND expires_at > ?'

function replay(known: KeyRow, bodyHash: string): Registered {
  if (known.body_hash !== bodyHash)
    throw new AppError('idempotency_mismatch', 'This Idempotency-Key was used for another request')
  return { response: known.response, replayed: true }
}

function nameOf(body: RegisterRequest): { channel: 'sms' | 'email'; value: string } {
  if (body.email !== undefined) return { channel: 'email', value: normaliseEmail(body.email) }
  const value = normalisePhoneNumber(body.phoneNumber ?? '')
  if (value !== undefined) return { channel: 'sms', value }
  throw invalidField('/phoneNumber', 'invalid_phone_number', 'is no possible number')
}

import type { RegisterRequest, Registration } from '@menagerie/contracts'
import { clockOf, makeEvent, newId, outboxStatements, toTimestamp } from '@menagerie/core'
import { auditStatements } from '../audit.ts'
import { type Env, settingsOf } from '../context.ts'
import { CODE_MS } from '../credentials/codes.ts'
import { commit } from '../credentials/commit.ts'
import { assertPasswordAllowed } from '../credentials/passwords/policy.ts'
import { normaliseEmail, normalisePhoneNumber } from '../identifiers.ts'
import { invalidField } from '../invalid-field.ts'
import { hashPassword } from '../passwords.ts'
import { acceptance, type OpenInvitation, openInvitation } from './accept-invitation.ts'
import { answerKey, claimAnswer, type KeptAnswer, readAnswer, replay } from './kept-answer.ts'
import { searchNameOf } from './search-words.ts'
import { sendVerification } from './send-verification.ts'
import { takenNotice } from './taken-notice.ts'

export interface RegisterInput {
  body: RegisterRequest
  idempotencyKey: string | undefined
  /** Wraps the registration into the body of the answer, which a repeat gets again. */
  answer: (registration: Registration) => object
  /** Of the network, as `addressOf` tells. */
  address: string
  traceparent: string
}

export interface Registered {
  /** The body of the answer, as text. */
  response: string
  /** True for a repeat under a known key. */
  replayed: boolean
}

/** The number or the address an account is made with: its user name. */
export interface AccountName {
  channel: 'sms' | 'email'
  value: string
}

/**
 * Makes an account, its events and the row of its idempotency key in one batch, then has a code sent. A name that is
 * taken changes nothing: the answer looks the same, and its owner is told. Whoever was invited gets an active account with
 * the invitation's roles, since the link came to the same number or address.
 *
 * @throws AppError `idempotency_mismatch`; `validation_failed` for a number no numbering plan holds, a password that may
 *   not be one, and for an invitation that is not open, or was sent elsewhere
 */
export async function register(env: Env, input: RegisterInput): Promise<Registered> {
  const { body, traceparent } = input
  const { DB: db } = env
  const settings = settingsOf(env)
  const now = clockOf(env).now()
  const name = nameOf(body)
  const key = await answerKey(
    settings.KEY_ENCRYPTION_KEY,
    'anonymous',
    '/users/register',
    input.idempotencyKey,
    body,
  )
  if (key !== undefined) {
    // Before an invitation is looked at, which the first request has used up; the batch below decides.
    const known = await readAnswer(db, key, now).first<KeptAnswer>()
    if (known !== null) return { response: replay(known, key), replayed: true }
  }
  const invitation = await openInvitation(env, body.invitationToken, name, now)
  const displayName = body.displayName ?? invitation?.displayName ?? null
  await assertPasswordAllowed(env, {
    password: body.password,
    user: { username: name.value, displayName },
    hasSecondFactor: false,
  })

  const id = newId()
  const response = JSON.stringify(input.answer(registrationOf(id, name, invitation, now)))
  const passwordHash = await hashPassword(body.password, Number(settings.BCRYPT_COST))
  const made = { sql: 'EXISTS (SELECT 1 FROM users WHERE id = ?)', params: [id] }
  const { open, accept } = acceptance(db, invitation, now, made)
  const { statements: claim, claimed } = claimAnswer(db, key, id, response, now, open)
  const registered = makeEvent({
    type: 'user.registered.v1',
    id: newId(),
    source: '/accounts',
    subject: `/users/${id}`,
    at: now,
    data: { userId: id, channel: name.channel, registeredAt: toTimestamp(now) },
    traceparent,
  })
  const verified = invitation === undefined ? 0 : 1
  const results = await commit(env, [
    ...claim,
    db
      .prepare(
        `INSERT INTO users (id, username, phone_number, phone_number_verified, email, email_verified,
           password_hash, display_name, search_name, roles, status, locale, time_zone, created_at)
         SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? WHERE ${claimed.sql}
         ON CONFLICT DO NOTHING`,
      )
      .bind(
        id,
        name.value,
        name.channel === 'sms' ? name.value : null,
        name.channel === 'sms' ? verified : 0,
        name.channel === 'email' ? name.value : null,
        name.channel === 'email' ? verified : 0,
        passwordHash,
        displayName,
        searchNameOf(displayName),
        JSON.stringify(invitation?.roles ?? ['user']),
        invitation === undefined ? 'pending' : 'active',
        body.locale ?? null,
        body.timeZone ?? null,
        now,
        ...claimed.params,
      ),
    ...outboxStatements(db, registered, now, made),
    ...auditStatements(
      db,
      {
        action: 'account.registered',
        actor: { kind: 'anonymous', id: null },
        target: { kind: 'user', id },
        detail: { channel: name.channel, ...(invitation && { invitation: invitation.id }) },
      },
      now,
      traceparent,
      made,
    ),
    ...takenNotice(db, name.value, id, now, traceparent, claimed),
    ...accept,
    db.prepare(`SELECT ${made.sql} AS made`).bind(id),
    readAnswer(db, key, now),
  ])
  const kept = results.at(-1)?.results[0] as KeptAnswer | undefined
  if (key !== undefined && kept !== undefined && kept.claim !== id)
    return { response: replay(kept, key), replayed: true }
  const isMade = (results.at(-2)?.results[0] as { made: number } | undefined)?.made === 1
  // Somebody else was quicker with the same invitation.
  if (invitation !== undefined && !isMade)
    await openInvitation(env, body.invitationToken, name, now)
  if (invitation === undefined)
    await sendVerification(env, name, isMade ? id : null, input.address, traceparent)
  return { response, replayed: false }
}

const registrationOf = (
  id: string,
  { channel }: AccountName,
  invitation: OpenInvitation | undefined,
  now: number,
): Registration =>
  invitation === undefined
    ? {
        id,
        status: 'pending',
        verification: { channel, expiresAt: toTimestamp(now + CODE_MS) },
      }
    : { id, status: 'active', verification: null }

function nameOf(body: RegisterRequest): AccountName {
  if (body.email !== undefined) return { channel: 'email', value: normaliseEmail(body.email) }
  const value = normalisePhoneNumber(body.phoneNumber ?? '')
  if (value !== undefined) return { channel: 'sms', value }
  throw invalidField('/phoneNumber', 'invalid_phone_number', 'is no possible number')
}

import type { CreateInvitationRequest, Invitation } from '@menagerie/contracts'
import {
  AppError,
  clockOf,
  type ListPage,
  newId,
  type Principal,
  pageOf,
  randomToken,
  sha256Hex,
  toTimestamp,
} from '@menagerie/core'
import { actorOf, auditStatements, oneRowChanged } from '../audit.ts'
import { type Env, settingsOf } from '../context.ts'
import { commit } from '../credentials/commit.ts'
import { requireFreshFactor } from '../credentials/fresh-factor.ts'
import { sendSecret } from '../credentials/send-secret.ts'
import { beginSend } from '../guard/login-guard.ts'
import { normaliseEmail, normalisePhoneNumber } from '../identifiers.ts'
import { invalidField } from '../invalid-field.ts'
import { requireGivable } from '../roles/givable.ts'
import { answerKey, claimAnswer, type KeptAnswer, readAnswer, replay } from './kept-answer.ts'

/** How long an invitation may be accepted. */
const OPEN_MS = 7 * 24 * 60 * 60_000

export interface InviteInput {
  by: Principal
  body: CreateInvitationRequest
  idempotencyKey: string | undefined
  answer: (invitation: Invitation) => object
  /** Of the network, as `addressOf` tells. */
  address: string
  traceparent: string
}

interface InvitationRow {
  id: string
  email: string | null
  phone_number: string | null
  roles: string
  invited_by: string
  created_at: number
  expires_at: number
  accepted_at: number | null
}

/**
 * Invites somebody: sends a link whose token stands in the fragment, which no server's log and no `Referer` sees.
 *
 * @returns the body of the answer, as text; `replayed` for a repeat under a known key
 * @throws AppError `forbidden` for roles the inviter may not give; `step_up_required` for any but `user`; `conflict` where there is such an account;
 *   `idempotency_mismatch`; `too_many_attempts`; `validation_failed`
 */
export async function invite(
  env: Env,
  { by, body, idempotencyKey, answer, address, traceparent }: InviteInput,
): Promise<{ response: string; replayed: boolean }> {
  const { DB: db } = env
  const settings = settingsOf(env)
  const now = clockOf(env).now()
  const secret = settings.KEY_ENCRYPTION_KEY
  const key = await answerKey(secret, by.id, '/invitations', idempotencyKey, body)
  if (key !== undefined) {
    const known = await readAnswer(db, key, now).first<KeptAnswer>()
    if (known !== null) return { response: replay(known, key), replayed: true }
  }
  const roles = [...new Set(body.roles)]
  if (roles.some((role) => role !== 'user')) {
    // What an assignment of roles asks for: else an invitation to oneself would be the way around it.
    await requireFreshFactor(env, by)
    await requireGivable(env, by, roles)
  }
  const email = body.email === undefined ? null : normaliseEmail(body.email)
  const phoneNumber = body.phoneNumber === undefined ? null : phoneOf(body.phoneNumber)
  const contact = email ?? phoneNumber ?? ''
  const taken = await db
    .prepare('SELECT 1 FROM users WHERE username = ?1 OR email = ?1 OR phone_number = ?1')
    .bind(contact)
    .first()
  if (taken !== null)
    throw new AppError('conflict', 'There is an account with this number or address')
  await beginSend(env, { account: by.id, address, destination: contact })

  const id = newId()
  const token = randomToken()
  const expiresAt = now + OPEN_MS
  const row: InvitationRow = {
    id,
    email,
    phone_number: phoneNumber,
    roles: JSON.stringify(roles),
    invited_by: by.id,
    created_at: now,
    expires_at: expiresAt,
    accepted_at: null,
  }
  const response = JSON.stringify(answer(toInvitation(row, now)))
  const { statements: claim, claimed } = claimAnswer(db, key, id, response, now)
  const link = `${settings.PUBLIC_URL.replace(/\/+$/, '')}/#invitation=${token}`
  const message = await sendSecret(
    env,
    {
      to: email === null ? { phoneNumber: contact } : { email },
      content: {
        title: 'You are invited',
        body: `Make your account with this link within seven days: ${link}`,
      },
      category: 'invitation',
      expiresAt,
      traceparent,
    },
    claimed,
  )
  const results = await commit(env, [
    ...claim,
    db
      .prepare(
        `INSERT INTO invitations (id, token_hash, email, phone_number, display_name, roles, invited_by, created_at, expires_at)
         SELECT ?, ?, ?, ?, ?, ?, ?, ?, ? WHERE ${claimed.sql}`,
      )
      .bind(
        id,
        await sha256Hex(token),
        email,
        phoneNumber,
        body.displayName ?? null,
        row.roles,
        by.id,
        now,
        expiresAt,
        ...claimed.params,
      ),
    ...auditStatements(
      db,
      {
        action: 'invitation.created',
        actor: actorOf(by),
        target: { kind: 'invitation', id },
        detail: { roles },
      },
      now,
      traceparent,
      claimed,
    ),
    ...message,
    readAnswer(db, key, now),
  ])
  const kept = results.at(-1)?.results[0] as KeptAnswer | undefined
  return key === undefined || kept === undefined || kept.claim === id
    ? { response, replayed: false }
    : { response: replay(kept, key), replayed: true }
}

/** A place in the list. */
export type InvitationPosition = readonly [createdAt: number, id: string]

/** A page of invitations, newest first. */
export async function listInvitations(
  env: Env,
  limit: number,
  after: InvitationPosition | undefined,
): Promise<ListPage<Invitation, InvitationPosition>> {
  const { results } = await env.DB.prepare(
    `SELECT id, email, phone_number, roles, invited_by, created_at, expires_at, accepted_at FROM invitations
     ${after === undefined ? '' : 'WHERE (created_at, id) < (?, ?)'}
     ORDER BY created_at DESC, id DESC LIMIT ?`,
  )
    .bind(...(after ?? []), limit + 1)
    .all<InvitationRow>()
  const now = clockOf(env).now()
  return pageOf(
    results,
    limit,
    (row) => toInvitation(row, now),
    ({ created_at, id }) => [created_at, id],
  )
}

/** Makes an invitation void. @throws AppError `not_found`; `conflict` for one that was accepted */
export async function revokeInvitation(
  env: Env,
  by: Principal,
  id: string,
  traceparent: string,
): Promise<void> {
  const entry = {
    action: 'invitation.revoked',
    actor: actorOf(by),
    target: { kind: 'invitation', id },
  } as const
  const [deleted] = await commit(env, [
    env.DB.prepare('DELETE FROM invitations WHERE id = ? AND accepted_at IS NULL').bind(id),
    ...auditStatements(env.DB, entry, clockOf(env).now(), traceparent, oneRowChanged),
  ])
  if (deleted?.meta.changes !== 0) return
  const accepted = await env.DB.prepare('SELECT 1 FROM invitations WHERE id = ?').bind(id).first()
  throw accepted === null
    ? new AppError('not_found', 'There is no such invitation')
    : new AppError('conflict', 'This invitation was accepted; there is an account now')
}

const toInvitation = (row: InvitationRow, now: number): Invitation => ({
  id: row.id,
  email: row.email,
  phoneNumber: row.phone_number,
  roles: JSON.parse(row.roles) as string[],
  invitedBy: row.invited_by,
  status: row.accepted_at !== null ? 'accepted' : row.expires_at <= now ? 'expired' : 'open',
  createdAt: toTimestamp(row.created_at),
  expiresAt: toTimestamp(row.expires_at),
})

function phoneOf(text: string): string {
  const value = normalisePhoneNumber(text)
  if (value !== undefined) return value
  throw invalidField('/phoneNumber', 'invalid_phone_number', 'is no possible number')
}

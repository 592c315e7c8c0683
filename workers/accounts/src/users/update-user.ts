import type { UpdateProfileRequest, UpdateUserRequest } from '@menagerie/contracts'
import { AppError, clockOf, type Principal } from '@menagerie/core'
import { actorOf, auditStatements, type Condition, oneRowChanged } from '../audit.ts'
import type { Env } from '../context.ts'
import { commit } from '../credentials/commit.ts'
import { noticeStatements } from '../credentials/notices.ts'
import type { UserRow } from '../db/schema.ts'
import { findUser } from '../db/users.ts'
import { normaliseEmail, normalisePhoneNumber } from '../identifiers.ts'
import { invalidField } from '../invalid-field.ts'
import { changedMeanwhile, noSuchUser, userToChange } from './act-on-user.ts'
import { searchNameOf } from './search-words.ts'

type Value = string | number | null

/** Columns to set, and what they become. */
type Changes = Map<string, Value>

/** What its owner changes without proof of anything. @throws AppError `unauthorized` for an account that is gone */
export async function updateProfile(
  env: Env,
  by: Principal,
  body: UpdateProfileRequest,
  traceparent: string,
): Promise<UserRow> {
  const active: Condition = { sql: `status <> 'disabled'`, params: [] }
  await save(env, by, by.id, plainChanges(body), Object.keys(body), active, [], traceparent)
  const user = await findUser(env.DB, by.id)
  if (user === undefined || user.status === 'disabled')
    throw new AppError('unauthorized', 'The account of this token is not active')
  return user
}

/**
 * What an administrator changes. A new number or address counts as verified and makes a waiting account active; a user name
 * that was the old one follows. Links and codes on their way to the old one are void, and it is told.
 *
 * @throws AppError `not_found`, `forbidden`; `conflict` for a number or an address somebody has; `validation_failed`
 */
export async function updateUser(
  env: Env,
  by: Principal,
  id: string,
  body: UpdateUserRequest,
  traceparent: string,
): Promise<UserRow> {
  const user = await userToChange(env, by, id)
  const contact = contactChanges(user, body)
  const changes = new Map([...plainChanges(body), ...contact])
  const free = isFree(contact)
  const same: Condition = {
    sql: `roles = ? AND status = ? AND username = ? AND phone_number IS ? AND email IS ? AND ${free.sql}`,
    params: [
      JSON.stringify(user.roles),
      user.status,
      user.username,
      user.phoneNumber,
      user.email,
      ...free.params,
    ],
  }
  const moved = contact.size > 0
  const follow = moved
    ? [
        ...(await noticeStatements(env, user, 'contact.changed', traceparent, stillChanged)),
        env.DB.prepare(`DELETE FROM challenges WHERE user_id = ? AND ${stillChanged.sql}`).bind(id),
      ]
    : []
  const saved = await save(env, by, id, changes, Object.keys(body), same, follow, traceparent)
  const now = await findUser(env.DB, id)
  if (now === undefined) throw noSuchUser()
  if (saved) return now
  const taken = await env.DB.prepare(`SELECT NOT (${free.sql}) AS taken FROM users WHERE id = ?`)
    .bind(...free.params, id)
    .first<{ taken: number }>()
  throw taken?.taken === 1
    ? new AppError('conflict', 'Another account has this number or address')
    : changedMeanwhile()
}

/** Follows the audit event, which took place with the change. */
const stillChanged = oneRowChanged

function plainChanges({ displayName, locale, timeZone }: UpdateProfileRequest): Changes {
  const changes: Changes = new Map()
  if (displayName !== undefined) {
    changes.set('display_name', displayName)
    changes.set('search_name', searchNameOf(displayName))
  }
  if (locale !== undefined) changes.set('locale', locale)
  if (timeZone !== undefined) changes.set('time_zone', timeZone)
  return changes
}

function contactChanges(user: UserRow, body: UpdateUserRequest): Changes {
  const changes: Changes = new Map()
  const phoneNumber = body.phoneNumber === undefined ? user.phoneNumber : phoneOf(body.phoneNumber)
  const email =
    body.email == null ? (body.email === null ? null : user.email) : normaliseEmail(body.email)
  if (phoneNumber === user.phoneNumber && email === user.email) return changes
  if (phoneNumber === null && email === null)
    throw invalidField('', 'no_contact', 'an account needs a phone number or an e-mail address')
  if (phoneNumber !== user.phoneNumber) {
    changes.set('phone_number', phoneNumber)
    changes.set('phone_number_verified', phoneNumber === null ? 0 : 1)
  }
  if (email !== user.email) {
    changes.set('email', email)
    changes.set('email_verified', email === null ? 0 : 1)
  }
  const [old, next, other] =
    user.username === user.phoneNumber
      ? [user.phoneNumber, phoneNumber, email]
      : [user.email, email, phoneNumber]
  if (user.username === old && next !== old) changes.set('username', next ?? other)
  const verified = [...changes].some(
    ([column, value]) => column.endsWith('_verified') && value === 1,
  )
  if (user.status === 'pending' && verified) changes.set('status', 'active')
  return changes
}

function phoneOf(text: string | null): string | null {
  if (text === null) return null
  const value = normalisePhoneNumber(text)
  if (value !== undefined) return value
  throw invalidField('/phoneNumber', 'invalid_phone_number', 'is no possible number')
}

/** That nobody else has the number, the address or the name. */
function isFree(changes: Changes): Condition {
  const unique = ['phone_number', 'email', 'username'].filter(
    (column) => changes.get(column) != null,
  )
  if (unique.length === 0) return { sql: 'true', params: [] }
  const each = unique.map(
    (column) =>
      `NOT EXISTS (SELECT 1 FROM users other WHERE other.${column} = ? AND other.id <> users.id)`,
  )
  return { sql: each.join(' AND '), params: unique.map((column) => changes.get(column) ?? null) }
}

/** @param follow statements right after the audit event, under `oneRowChanged` @returns whether it took place */
async function save(
  env: Env,
  by: Principal,
  id: string,
  changes: Changes,
  fields: string[],
  when: Condition,
  follow: D1PreparedStatement[],
  traceparent: string,
): Promise<boolean> {
  if (changes.size === 0) return true
  const set = [...changes.keys()].map((column) => `${column} = ?`).join(', ')
  const [changed] = await commit(env, [
    env.DB.prepare(`UPDATE users SET ${set} WHERE id = ? AND ${when.sql}`).bind(
      ...changes.values(),
      id,
      ...when.params,
    ),
    ...auditStatements(
      env.DB,
      {
        action: 'account.updated',
        actor: actorOf(by),
        target: { kind: 'user', id },
        detail: { fields: fields.toSorted() },
      },
      clockOf(env).now(),
      traceparent,
      oneRowChanged,
    ),
    ...follow,
  ])
  return (changed?.meta.changes ?? 0) > 0
}

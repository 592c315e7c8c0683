import type { Preferences } from '@menagerie/contracts'
import { AppError } from '@menagerie/core'
import type { Env } from '../context.ts'
import { invalidField } from '../invalid-field.ts'

const MAX_BYTES = 16 * 1024

/** What an account's apps have kept. @throws AppError `unauthorized` for an account that is gone or disabled */
export async function readPreferences(env: Env, userId: string): Promise<Preferences> {
  const row = await env.DB.prepare(
    `SELECT preferences FROM users WHERE id = ? AND status <> 'disabled'`,
  )
    .bind(userId)
    .first<{ preferences: string }>()
  if (row === null) throw inactive()
  return JSON.parse(row.preferences) as Preferences
}

/** Replaces them as a whole. @throws AppError `validation_failed` beyond 16 KiB; `unauthorized` */
export async function writePreferences(
  env: Env,
  userId: string,
  preferences: Preferences,
): Promise<Preferences> {
  const text = JSON.stringify(preferences)
  if (new TextEncoder().encode(text).length > MAX_BYTES)
    throw invalidField('', 'too_large', 'must have at most 16 KiB of JSON')
  const { meta } = await env.DB.prepare(
    `UPDATE users SET preferences = ? WHERE id = ? AND status <> 'disabled'`,
  )
    .bind(text, userId)
    .run()
  if (meta.changes === 0) throw inactive()
  return JSON.parse(text) as Preferences
}

const inactive = () => new AppError('unauthorized', 'The account of this token is not active')

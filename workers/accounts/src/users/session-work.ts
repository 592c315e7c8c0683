import { clockOf, Logger, newId } from '@menagerie/core'
import type { Condition } from '../audit.ts'
import type { Env } from '../context.ts'
import { forgetAttempts } from '../guard/login-guard.ts'
import { endSessions, eraseSessions, expireTokens } from '../sessions/end-sessions.ts'
import { clientSubject } from '../sessions/tokens.ts'

/** What must be done at the sessions of one account, or of everybody who holds a role. */
export type SessionTask =
  | { task: 'expire-tokens' | 'end-sessions' | 'revoke-sessions' | 'erase'; userId: string }
  | { task: 'expire-tokens'; role: string }

interface WorkRow {
  id: string
  task: 'expire-tokens' | 'end-sessions' | 'revoke-sessions' | 'erase' | 'forget-words'
  user_id: string | null
  role: string | null
  after_created_at: number
  after_user_id: string
  traceparent: string | null
}

/** Holders whose tokens expire at the same time. */
const PAGE = 50
/** Pages of one run; a role that more people hold goes on with the next run. */
const MAX_PAGES = 40
const ROWS_PER_RUN = 100
/** A row that is being done, or failed, waits for so long. */
const PAUSE_MS = 30_000

/**
 * A statement that keeps what is to be done in the batch of the change that asks for it: whatever becomes of the isolate,
 * it is done.
 */
export function keepSessionWork(
  db: D1Database,
  work: SessionTask,
  now: number,
  traceparent: string,
  condition: Condition,
): { id: string; statement: D1PreparedStatement } {
  const id = newId()
  const statement = db
    .prepare(
      `INSERT INTO session_work (id, task, user_id, role, traceparent, due_at)
       SELECT ?, ?, ?, ?, ?, ? WHERE ${condition.sql}`,
    )
    .bind(
      id,
      work.task,
      'userId' in work ? work.userId : null,
      'role' in work ? work.role : null,
      traceparent,
      now + PAUSE_MS,
      ...condition.params,
    )
  return { id, statement }
}

/** Words of erased accounts are gone from the index after that, all at once: at a million accounts it takes seconds. */
const FORGET_MS = 60 * 60_000

/** A statement that has the word index forget what was deleted, within the hour. */
export const keepForgetting = (
  db: D1Database,
  now: number,
  condition: Condition,
): D1PreparedStatement =>
  db
    .prepare(
      `INSERT INTO session_work (id, task, due_at) SELECT 'forget-words', 'forget-words', ?
       WHERE ${condition.sql} ON CONFLICT DO NOTHING`,
    )
    .bind(now + FORGET_MS, ...condition.params)

/** Does one row now. What fails stays for `sweepSessionWork`. Never throws: the change it follows has taken place. */
export async function doSessionWork(env: Env, id: string): Promise<void> {
  try {
    const row = await env.DB.prepare('SELECT * FROM session_work WHERE id = ?')
      .bind(id)
      .first<WorkRow>()
    if (row !== null) await doRow(env, row)
  } catch (error) {
    new Logger({ service: 'accounts' }).error('Sessions could not be changed; tried again later', {
      error,
      work: id,
    })
  }
}

/** Does what an isolate before this one has left behind, or could not do. For the scheduled handler. */
export async function sweepSessionWork(env: Env): Promise<void> {
  const now = clockOf(env).now()
  // Whoever takes a row sets it back, so that two runs at a time do not do it twice.
  const { results } = await env.DB.prepare(
    `UPDATE session_work SET due_at = ?
     WHERE id IN (SELECT id FROM session_work WHERE due_at <= ? ORDER BY due_at LIMIT ${ROWS_PER_RUN})
     RETURNING id`,
  )
    .bind(now + PAUSE_MS, now)
    .all<{ id: string }>()
  for (const { id } of results) await doSessionWork(env, id)
}

async function doRow(env: Env, row: WorkRow): Promise<void> {
  const done = row.user_id === null ? await doMany(env, row) : await doUser(env, row, row.user_id)
  if (done) await env.DB.prepare('DELETE FROM session_work WHERE id = ?').bind(row.id).run()
}

const doMany = (env: Env, row: WorkRow): Promise<boolean> =>
  row.task === 'forget-words' ? forgetWords(env) : doHolders(env, row)

async function doUser(env: Env, row: WorkRow, userId: string): Promise<true> {
  const traceparent = row.traceparent ?? ''
  switch (row.task) {
    case 'forget-words':
      return forgetWords(env)
    case 'expire-tokens':
      await expireTokens(env, userId, traceparent)
      return true
    case 'end-sessions':
      await endSessions(env, userId, { reason: 'disabled' }, traceparent)
      return true
    case 'revoke-sessions':
      await endSessions(env, userId, { reason: 'revoked' }, traceparent)
      return true
    case 'erase':
      await eraseSessions(env, userId, traceparent)
      await forgetAttempts(env, userId)
      return true
  }
}

/** Rewrites the word index without what was deleted: until then its bytes lie there, unreachable. */
async function forgetWords(env: Env): Promise<true> {
  await env.DB.prepare(`INSERT INTO user_search (user_search) VALUES ('optimize')`).run()
  return true
}

/** Clients that hold a role are few, and done before the first account. */
async function doClients(env: Env, row: WorkRow): Promise<void> {
  if (row.after_created_at >= 0) return
  const { results } = await env.DB.prepare(
    `SELECT id FROM oauth_clients WHERE EXISTS (SELECT 1 FROM json_each(roles) WHERE value = ?)`,
  )
    .bind(row.role)
    .all<{ id: string }>()
  for (const { id } of results)
    await expireTokens(env, await clientSubject(env, id), row.traceparent ?? '')
}

/** @returns whether every holder is done */
async function doHolders(env: Env, row: WorkRow): Promise<boolean> {
  await doClients(env, row)
  let after = [row.after_created_at, row.after_user_id] as const
  for (let page = 0; page < MAX_PAGES; page++) {
    const { results } = await env.DB.prepare(
      `SELECT user_id, created_at FROM user_roles
       WHERE role = ? AND (created_at, user_id) > (?, ?) ORDER BY created_at, user_id LIMIT ${PAGE}`,
    )
      .bind(row.role, ...after)
      .all<{ user_id: string; created_at: number }>()
    await Promise.all(
      results.map(({ user_id }) => expireTokens(env, user_id, row.traceparent ?? '')),
    )
    const last = results.at(-1)
    if (last === undefined || results.length < PAGE) return true
    after = [last.created_at, last.user_id]
    await env.DB.prepare(
      'UPDATE session_work SET after_created_at = ?, after_user_id = ? WHERE id = ?',
    )
      .bind(...after, row.id)
      .run()
  }
  // The next run goes on from here, at once.
  await env.DB.prepare('UPDATE session_work SET due_at = ? WHERE id = ?')
    .bind(clockOf(env).now(), row.id)
    .run()
  return false
}

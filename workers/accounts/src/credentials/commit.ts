import { waitUntil } from 'cloudflare:workers'
import type { Env } from '../context.ts'
import { wakeSweeper } from '../outbox.ts'

/** A condition over the database, in SQL. */
export interface Condition {
  sql: string
  params: (string | number | null)[]
}

/** Runs statements as one transaction and has what they put into the outbox sent. */
export async function commit(env: Env, statements: D1PreparedStatement[]): Promise<D1Result[]> {
  const results = await env.DB.batch(statements)
  waitUntil(wakeSweeper(env))
  return results
}

/**
 * Commits a change that takes place once. What tells of it stands in front and asks for the same condition, so that it
 * is kept if and only if the change is.
 *
 * @param change the last statement, guarded by the condition that those before it were given
 * @returns whether it took place
 */
export async function commitOnce(
  env: Env,
  before: D1PreparedStatement[],
  change: D1PreparedStatement,
): Promise<boolean> {
  const results = await commit(env, [...before, change])
  return (results.at(-1)?.meta.changes ?? 0) > 0
}

/** That every one of them holds. */
export const allOf = (...conditions: Condition[]): Condition => ({
  sql: conditions.map(({ sql }) => `(${sql})`).join(' AND '),
  params: conditions.flatMap(({ params }) => params),
})

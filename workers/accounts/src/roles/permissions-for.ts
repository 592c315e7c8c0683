import { isBuiltIn, type Permission, permissionsOf } from '@menagerie/contracts'
import type { Env } from '../context.ts'

export type CustomRoles = ReadonlyMap<string, readonly Permission[]>

/**
 * What these roles allow together. D1 is asked for those made by administrators, and never for built-in ones alone. Nothing
 * is remembered: a token made from a stale answer would outlive the change of a role, which makes older tokens void.
 */
export async function permissionsFor(env: Env, roles: readonly string[]): Promise<Permission[]> {
  return roles.every(isBuiltIn)
    ? permissionsOf(roles)
    : permissionsOf(roles, await readCustomRoles(env.DB, roles))
}

/** What roles made by administrators allow: of these, or of all. */
export async function readCustomRoles(
  db: D1Database,
  names?: readonly string[],
): Promise<CustomRoles> {
  const { results } = await db
    .prepare(
      `SELECT name, permissions FROM roles
       ${names === undefined ? '' : 'WHERE name IN (SELECT value FROM json_each(?))'}`,
    )
    .bind(...(names === undefined ? [] : [JSON.stringify(names)]))
    .all<{ name: string; permissions: string }>()
  return new Map(results.map((row) => [row.name, JSON.parse(row.permissions) as Permission[]]))
}

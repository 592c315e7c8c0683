import { isBuiltIn, type Permission, permissionsOf } from '@menagerie/contracts'
import { clockOf } from '@menagerie/core'
import type { Env } from '../context.ts'

/** How long what custom roles allow is used without asking again. */
const FRESH_MS = 10_000

export type CustomRoles = ReadonlyMap<string, readonly Permission[]>

const caches = new WeakMap<Env, { at: number; roles: CustomRoles }>()

/**
 * What these roles allow together; those made by administrators as D1 had them at most 10 seconds ago. D1 is not asked
 * for built-in roles alone.
 */
export async function permissionsFor(env: Env, roles: readonly string[]): Promise<Permission[]> {
  return roles.every(isBuiltIn)
    ? permissionsOf(roles)
    : permissionsOf(roles, await customRoles(env))
}

/** Every role that administrators made, and what it allows. */
async function customRoles(env: Env): Promise<CustomRoles> {
  const now = clockOf(env).now()
  const known = caches.get(env)
  if (known !== undefined && now - known.at < FRESH_MS) return known.roles
  const roles = await readCustomRoles(env.DB)
  caches.set(env, { at: now, roles })
  return roles
}

/** The same as D1 has it now: for decisions on what somebody may give away. */
export async function readCustomRoles(db: D1Database): Promise<CustomRoles> {
  const { results } = await db
    .prepare('SELECT name, permissions FROM roles')
    .all<{ name: string; permissions: string }>()
  return new Map(results.map((row) => [row.name, JSON.parse(row.permissions) as Permission[]]))
}

/** Forgets what this isolate remembers, after a change of a role. */
export const forgetRoles = (env: Env): void => {
  caches.delete(env)
}

import { isBuiltIn, type Permission, permissionsOf } from '@menagerie/contracts'
import { AppError, type Principal } from '@menagerie/core'
import type { Condition } from '../audit.ts'
import type { Env } from '../context.ts'
import { invalidField } from '../invalid-field.ts'
import { readCustomRoles } from './permissions-for.ts'

/** @throws AppError `forbidden` for permissions the caller does not hold */
export function requireHeld(by: Principal, permissions: readonly Permission[]): void {
  const missing = permissions.filter((permission) => !by.permissions.includes(permission))
  if (missing.length > 0)
    throw new AppError(
      'forbidden',
      `Nobody gives or takes what they do not hold: ${missing.join(', ')}`,
    )
}

/**
 * Refuses roles that the caller may not give: they need `roles:write` and everything the roles allow. `bridge` is for the
 * client of that name alone.
 *
 * @throws AppError `forbidden`; `validation_failed` for roles nobody knows
 */
export async function requireGivable(
  env: Env,
  by: Principal,
  roles: readonly string[],
): Promise<void> {
  const custom = await readCustomRoles(env.DB)
  const unknown = roles.filter(
    (role) => role === 'bridge' || !(isBuiltIn(role) || custom.has(role)),
  )
  if (unknown.length > 0)
    throw invalidField('/roles', 'unknown_role', `cannot be given: ${unknown.join(', ')}`)
  requireHeld(by, ['roles:write', ...permissionsOf(roles, custom)])
}

/** That the custom ones of these roles are still there, and allow nothing the caller does not hold. */
export function stillGivable(by: Principal, roles: readonly string[]): Condition {
  const custom = JSON.stringify([...new Set(roles)].filter((role) => !isBuiltIn(role)))
  return {
    sql: `NOT EXISTS (SELECT 1 FROM json_each(?) WHERE value NOT IN (SELECT name FROM roles))
      AND NOT EXISTS (SELECT 1 FROM roles, json_each(roles.permissions) permission
        WHERE roles.name IN (SELECT value FROM json_each(?))
          AND permission.value NOT IN (SELECT value FROM json_each(?)))`,
    params: [custom, custom, JSON.stringify(by.permissions)],
  }
}

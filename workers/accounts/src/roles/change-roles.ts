import {
  builtInRoles,
  type CreateRoleRequest,
  permissions as everyPermission,
  isBuiltIn,
  type Permission,
  type RoleInfo,
  rolePermissions,
  type UpdateRoleRequest,
} from '@menagerie/contracts'
import { AppError, clockOf, type Principal } from '@menagerie/core'
import { actorOf, auditStatements, oneRowChanged } from '../audit.ts'
import type { Env } from '../context.ts'
import { commit } from '../credentials/commit.ts'
import { keepSessionWork } from '../users/session-work.ts'
import { requireHeld } from './givable.ts'

interface RoleRow {
  name: string
  description: string | null
  permissions: string
}

/** Every role: those built in, then those made by administrators, by name. */
export async function listRoles(env: Env): Promise<RoleInfo[]> {
  const { results } = await env.DB.prepare(
    'SELECT name, description, permissions FROM roles ORDER BY name',
  ).all<RoleRow>()
  return [
    ...builtInRoles.map((name) => ({
      name,
      description: null,
      permissions: [...rolePermissions[name]],
      builtIn: true,
    })),
    ...results.map(toInfo),
  ]
}

/** Makes a role. @throws AppError `forbidden` for what the caller does not hold; `conflict` for a name that is taken */
export async function createRole(
  env: Env,
  by: Principal,
  body: CreateRoleRequest,
  traceparent: string,
): Promise<RoleInfo> {
  const { name } = body
  if (isBuiltIn(name)) throw taken()
  requireHeld(by, body.permissions)
  const now = clockOf(env).now()
  const permissions = sorted(body.permissions)
  const [created] = await commit(env, [
    env.DB.prepare(
      `INSERT INTO roles (name, description, permissions, created_at, updated_at)
       VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
    ).bind(name, body.description ?? null, JSON.stringify(permissions), now, now),
    ...auditStatements(
      env.DB,
      {
        action: 'role.created',
        actor: actorOf(by),
        target: { kind: 'role', id: name },
        detail: { permissions },
      },
      now,
      traceparent,
      oneRowChanged,
    ),
  ])
  if (created?.meta.changes === 0) throw taken()
  return { name, description: body.description ?? null, permissions, builtIn: false }
}

/**
 * Changes what a role allows. Access tokens of everybody who holds it are refused from then on, page by page.
 *
 * @returns the role, and the work at its holders' sessions where there is some
 * @throws AppError `not_found`; `conflict` for a built-in one; `forbidden` for what the caller does not hold, before or after
 */
export async function updateRole(
  env: Env,
  by: Principal,
  name: string,
  body: UpdateRoleRequest,
  traceparent: string,
): Promise<{ role: RoleInfo; workId: string | undefined }> {
  const row = await roleToChange(env, by, name)
  const before = JSON.parse(row.permissions) as Permission[]
  const permissions = sorted(body.permissions ?? before)
  requireHeld(by, permissions)
  const description = body.description === undefined ? row.description : body.description
  const allows = JSON.stringify(permissions)
  const role: RoleInfo = { name, description, permissions, builtIn: false }
  if (allows === row.permissions && description === row.description)
    return { role, workId: undefined }
  const now = clockOf(env).now()
  const work = keepSessionWork(
    env.DB,
    { task: 'expire-tokens', role: name },
    now,
    traceparent,
    allows === row.permissions ? { sql: 'false', params: [] } : oneRowChanged,
  )
  const [updated] = await commit(env, [
    env.DB.prepare(
      `UPDATE roles SET description = ?, permissions = ?, updated_at = ?
       WHERE name = ? AND permissions = ? AND description IS ?`,
    ).bind(description, allows, now, name, row.permissions, row.description),
    ...auditStatements(
      env.DB,
      {
        action: 'role.updated',
        actor: actorOf(by),
        target: { kind: 'role', id: name },
        detail: { permissions, previousPermissions: before },
      },
      now,
      traceparent,
      oneRowChanged,
    ),
    work.statement,
  ])
  if (updated?.meta.changes === 0)
    throw new AppError('conflict', 'The role was changed meanwhile; look at it and try again')
  return { role, workId: work.id }
}

/**
 * Deletes a role that nobody holds: no account, no client, and no open invitation.
 *
 * @throws AppError `not_found`, `forbidden`; `conflict` for a built-in one and one that somebody holds
 */
export async function deleteRole(
  env: Env,
  by: Principal,
  name: string,
  traceparent: string,
): Promise<void> {
  const row = await roleToChange(env, by, name)
  const now = clockOf(env).now()
  const holds = (table: string, open = 'true') =>
    `EXISTS (SELECT 1 FROM ${table}, json_each(${table}.roles) held WHERE held.value = roles.name AND ${open})`
  const [deleted] = await commit(env, [
    env.DB.prepare(
      `DELETE FROM roles WHERE name = ? AND permissions = ?
       AND NOT EXISTS (SELECT 1 FROM user_roles WHERE role = roles.name)
       AND NOT ${holds('oauth_clients')}
       AND NOT ${holds('invitations', 'invitations.accepted_at IS NULL AND invitations.expires_at > ?')}`,
    ).bind(name, row.permissions, now),
    ...auditStatements(
      env.DB,
      { action: 'role.deleted', actor: actorOf(by), target: { kind: 'role', id: name } },
      now,
      traceparent,
      oneRowChanged,
    ),
  ])
  if (deleted?.meta.changes === 0)
    throw new AppError('conflict', 'Somebody holds this role, or is invited to it')
}

async function roleToChange(env: Env, by: Principal, name: string): Promise<RoleRow> {
  if (isBuiltIn(name)) throw new AppError('conflict', 'Built-in roles cannot be changed')
  const row = await env.DB.prepare(
    'SELECT name, description, permissions FROM roles WHERE name = ?',
  )
    .bind(name)
    .first<RoleRow>()
  if (row === null) throw new AppError('not_found', 'There is no such role')
  requireHeld(by, JSON.parse(row.permissions) as Permission[])
  return row
}

const taken = () => new AppError('conflict', 'There is a role of this name')

/** Each once, in the order of the table of permissions. */
const sorted = (list: readonly Permission[]): Permission[] =>
  everyPermission.filter((permission) => list.includes(permission))

const toInfo = (row: RoleRow): RoleInfo => ({
  name: row.name,
  description: row.description,
  permissions: JSON.parse(row.permissions) as Permission[],
  builtIn: false,
})

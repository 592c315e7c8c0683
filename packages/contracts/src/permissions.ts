import { z } from '@hono/zod-openapi'

/** What a token may do, `noun:verb`; `:own` where only the caller's own objects are meant, `:all` for everybody's. */
export const permissions = [
  'profile:read',
  'profile:write',
  'calls:read:own',
  'calls:read:all',
  'calls:write',
  'conversations:read:own',
  'conversations:write:own',
  'conversations:read',
  'conversations:write',
  'agents:self',
  'queues:write',
  'devices:read:own',
  'devices:write:own',
  'devices:read',
  'devices:write',
  'devices:bridge',
  'notifications:read:own',
  'notifications:write:own',
  'notifications:read:all',
  'notifications:write:all',
  'reports:read',
  'users:read',
  'users:write',
  'roles:write',
  'clients:write',
  'settings:read',
  'settings:write',
  'audit:read',
  'dead-letters:read',
  'dead-letters:write',
  'operations:read',
] as const
export const Permission = z.enum(permissions)
export type Permission = z.infer<typeof Permission>

export const builtInRoles = ['user', 'agent', 'supervisor', 'admin', 'bridge'] as const
export const Role = z.enum(builtInRoles)
export type Role = z.infer<typeof Role>

/** Any role, built in or made by an administrator. */
export const RoleName = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,63}$/, 'must be lower-case letters, digits and -')
export type RoleName = z.infer<typeof RoleName>

const user: Permission[] = [
  'profile:read',
  'profile:write',
  'calls:read:own',
  'conversations:read:own',
  'conversations:write:own',
  'devices:read:own',
  'devices:write:own',
  'notifications:read:own',
  'notifications:write:own',
]
const agent: Permission[] = [
  ...user,
  'calls:write',
  'conversations:read',
  'conversations:write',
  'agents:self',
  'devices:read',
]
const supervisor: Permission[] = [
  ...agent,
  'calls:read:all',
  'queues:write',
  'reports:read',
  'users:read',
  'notifications:read:all',
]

/** The built-in roles. Permissions ride in the token, so receivers need no look-up. */
export const rolePermissions: Readonly<Record<Role, readonly Permission[]>> = {
  user,
  agent,
  supervisor,
  admin: permissions.filter((permission) => permission !== 'devices:bridge'),
  bridge: ['devices:bridge'],
}

/**
 * Everything the roles allow together, without repeats, in the table's order. A role that nobody knows allows nothing.
 *
 * @param custom what the roles made by administrators allow
 */
export function permissionsOf(
  roles: readonly string[],
  custom: ReadonlyMap<string, readonly Permission[]> = new Map(),
): Permission[] {
  const held = new Set(
    roles.flatMap((role) => (isBuiltIn(role) ? rolePermissions[role] : (custom.get(role) ?? []))),
  )
  return permissions.filter((permission) => held.has(permission))
}

export const isBuiltIn = (role: string): role is Role => Object.hasOwn(rolePermissions, role)

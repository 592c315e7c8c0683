import { z } from '@hono/zod-openapi'
import { Permission, RoleName } from './permissions.ts'
import { freeText } from './primitives.ts'

/** A role and what it allows. Those built in cannot be changed. */
export const RoleInfo = z
  .strictObject({
    name: RoleName,
    description: z.string().nullable(),
    permissions: z.array(Permission),
    builtIn: z.boolean(),
  })
  .openapi('RoleInfo')
export type RoleInfo = z.infer<typeof RoleInfo>

const rolePermissions = z
  .array(Permission)
  .max(64)
  .refine((list) => !list.includes('devices:bridge'), 'devices:bridge is for the role bridge alone')

export const CreateRoleRequest = z
  .strictObject({
    name: RoleName,
    description: freeText(256).optional(),
    permissions: rolePermissions,
  })
  .openapi('CreateRoleRequest')
export type CreateRoleRequest = z.infer<typeof CreateRoleRequest>

export const UpdateRoleRequest = z
  .strictObject({
    description: freeText(256).nullable().optional(),
    permissions: rolePermissions.optional(),
  })
  .openapi('UpdateRoleRequest')
export type UpdateRoleRequest = z.infer<typeof UpdateRoleRequest>

export const AssignRolesRequest = z
  .strictObject({ roles: z.array(RoleName).min(1).max(16) })
  .openapi('AssignRolesRequest')
export type AssignRolesRequest = z.infer<typeof AssignRolesRequest>

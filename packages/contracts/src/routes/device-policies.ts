import { z } from '@hono/zod-openapi'
import { DeviceId } from '../devices.ts'
import type { RoutePolicy } from './declare.ts'

/** The path parameter of what belongs to one device. */
export const params = z.strictObject({ id: DeviceId })

/** Looking at a device: own ones, or everybody's with `devices:read`. */
export const read = {
  service: 'devices',
  access: 'bearer',
  permission: 'devices:read:own',
  rateLimit: 'api',
  errors: ['not_found'],
} as const satisfies RoutePolicy

/** Changing one: own ones, or everybody's with `devices:write`. */
export const write = { ...read, permission: 'devices:write:own' } as const satisfies RoutePolicy

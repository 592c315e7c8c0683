import { admin } from './admin.ts'
import { auth } from './auth.ts'
import { bridge } from './bridge.ts'
import { calls } from './calls.ts'
import type { DeclaredRoute } from './declare.ts'
import { devices } from './devices.ts'
import { notifications } from './notifications.ts'
import { operations } from './operations.ts'
import { reports } from './reports.ts'
import { users } from './users.ts'
import { webhooks } from './webhooks.ts'

export * from './declare.ts'
export * from './unbuilt.ts'
export { admin, auth, bridge, calls, devices, notifications, operations, reports, users, webhooks }

/** Every declared route. The gateway's table, OpenAPI and the contract test are made from it. */
export const allRoutes: readonly DeclaredRoute[] = [
  auth,
  users,
  calls,
  webhooks,
  bridge,
  devices,
  notifications,
  reports,
  admin,
  operations,
].flatMap((group) => Object.values(group) as unknown as DeclaredRoute[])

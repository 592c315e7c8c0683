import { admin } from './admin.ts'
import { agents } from './agents.ts'
import { auth } from './auth.ts'
import { bridge } from './bridge.ts'
import { calls } from './calls.ts'
import { clients } from './clients.ts'
import { conversations } from './conversations.ts'
import { credentials } from './credentials.ts'
import type { DeclaredRoute } from './declare.ts'
import { deviceCommands } from './device-commands.ts'
import { devices } from './devices.ts'
import { flows } from './flows.ts'
import { notifications } from './notifications.ts'
import { oidc } from './oidc.ts'
import { operations } from './operations.ts'
import { queues } from './queues.ts'
import { reports } from './reports.ts'
import { roles } from './roles.ts'
import { sessions } from './sessions.ts'
import { users } from './users.ts'
import { webhooks } from './webhooks.ts'

export * from './declare.ts'
export * from './unbuilt.ts'
export {
  admin,
  agents,
  auth,
  bridge,
  calls,
  clients,
  conversations,
  credentials,
  deviceCommands,
  devices,
  flows,
  notifications,
  oidc,
  operations,
  queues,
  reports,
  roles,
  sessions,
  users,
  webhooks,
}

/** Every declared route. The gateway's table, OpenAPI and the contract test are made from it. */
export const allRoutes: readonly DeclaredRoute[] = [
  auth,
  credentials,
  oidc,
  users,
  sessions,
  roles,
  clients,
  calls,
  queues,
  agents,
  flows,
  conversations,
  webhooks,
  bridge,
  deviceCommands,
  devices,
  notifications,
  reports,
  admin,
  operations,
].flatMap((group) => Object.values(group) as unknown as DeclaredRoute[])

export type { SocketOwner } from '@menagerie/contracts'
export type {
  ClientSession,
  OpenSession,
  SessionGrant,
  SessionView,
  UserSessionsEnv,
  UserSessionsError,
} from './session-results.ts'
export { UserSessions } from './user-sessions.ts'
export { firstValidSecond } from './valid-from.ts'

export type { SocketOwner } from '@menagerie/contracts'
export type {
  OpenSession,
  SessionGrant,
  UserSessionsEnv,
  UserSessionsError,
} from './session-results.ts'
export { UserSessions } from './user-sessions.ts'

/** The accounts Worker with the test-only doors in its objects. */
import worker, {
  LoginGuard as ProductionLoginGuard,
  OAuthStore as ProductionOAuthStore,
  UserSessions as ProductionUserSessions,
} from '@menagerie/accounts'
import { withTestDoor } from './with-test-door.ts'

export * from '@menagerie/accounts'
/** These stand before those that the star brings. */
export class UserSessions extends withTestDoor(ProductionUserSessions) {}
export class LoginGuard extends withTestDoor(ProductionLoginGuard) {}
export class OAuthStore extends withTestDoor(ProductionOAuthStore) {}
export default worker

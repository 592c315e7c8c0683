/** The accounts Worker with the test-only doors in its objects. */
import worker, { UserSessions as Production } from '@menagerie/accounts'
import { withTestDoor } from './with-test-door.ts'

export * from '@menagerie/accounts'
/** Stands before the one that the star brings. */
export class UserSessions extends withTestDoor(Production) {}
export default worker

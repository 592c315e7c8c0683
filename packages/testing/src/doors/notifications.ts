/** The notifications Worker with the test-only doors in its object. */
import worker, { Mailbox as Production } from '@menagerie/notifications'
import { withTestDoor } from './with-test-door.ts'

export * from '@menagerie/notifications'
/** Stands before the one that the star brings. */
export class Mailbox extends withTestDoor(Production) {}
export default worker

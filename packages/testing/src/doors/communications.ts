/** The communications Worker with the test-only doors in its objects. */
import worker, { CallRoom as Production } from '@menagerie/communications'
import { withTestDoor } from './with-test-door.ts'

export * from '@menagerie/communications'
/** Stands before the one that the star brings. */
export class CallRoom extends withTestDoor(Production) {}
export default worker

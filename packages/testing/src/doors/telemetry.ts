/** The telemetry Worker with the test-only doors in its object. */
import worker, { MetricsHub as Production } from '@menagerie/telemetry'
import { withTestDoor } from './with-test-door.ts'

export * from '@menagerie/telemetry'
/** Stands before the one that the star brings. */
export class MetricsHub extends withTestDoor(Production) {}
export default worker

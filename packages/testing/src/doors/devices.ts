/** The devices Worker with the test-only doors in its objects. */
import worker, {
  BridgeLink as ProductionLink,
  DeviceTwin as ProductionTwin,
} from '@menagerie/devices'
import { withTestDoor } from './with-test-door.ts'

export * from '@menagerie/devices'
/** Both stand before those that the star brings. */
export class DeviceTwin extends withTestDoor(ProductionTwin) {}
export class BridgeLink extends withTestDoor(ProductionLink) {}
export default worker

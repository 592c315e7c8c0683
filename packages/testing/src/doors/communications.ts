/** The communications Worker with the test-only doors in its objects. */
import worker, {
  Conversation as ProductionConversation,
  AgentDesk as ProductionDesk,
  ContactQueue as ProductionQueue,
  CallRoom as ProductionRoom,
} from '@menagerie/communications'
import { withTestDoor } from './with-test-door.ts'

export * from '@menagerie/communications'
// They stand before those that the star brings.
export class AgentDesk extends withTestDoor(ProductionDesk) {}
export class CallRoom extends withTestDoor(ProductionRoom) {}
export class ContactQueue extends withTestDoor(ProductionQueue) {}
export class Conversation extends withTestDoor(ProductionConversation) {}
export default worker

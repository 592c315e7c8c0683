import { ObjectLog } from '../shared/object-log.ts'
import type { MessageState } from './conversation-types.ts'

/** The conversation's log, and what it counts of messages. Addresses are not in it. */
export class ConversationLog extends ObjectLog {
  constructor(now: () => number) {
    const service = 'communications'
    const ownDestinations = ['projection', 'carrier']
    super({ service, object: 'Conversation', sockets: service, ownDestinations }, now)
  }

  /** Messages reached a status. */
  moved(messages: readonly MessageState[]): void {
    for (const { id, channel, status } of messages) {
      this.line.add({ messageId: id, messageStatus: status })
      this.line.count('messages_total', { channel, status })
    }
  }
}

import type { FiredTimer } from '../journal/types.ts'
import type { ConversationInput, MessageState } from './conversation-types.ts'

/**
 * What a fired timer of that name, `{send|check}:{messageId}`, means.
 *
 * @throws Error for a name that no step sets
 */
export function toTimerInput({ name, data }: FiredTimer): {
  messageId: string
  input: (message: MessageState) => ConversationInput
} {
  const [kind = '', messageId = ''] = name.split(':')
  switch (kind) {
    case 'send':
      return { messageId, input: (message) => ({ type: 'timer.send', message }) }
    case 'check':
      return {
        messageId,
        input: (message) => ({ type: 'timer.check', message, round: Number(data) }),
      }
  }
  throw new Error(`A conversation has no timer "${name}"`)
}

import type { Decision, JournalStorage } from '../journal/types.ts'
import { messagesOf } from './conversation-messages.ts'
import { addMember, isMember, saveMessage } from './conversation-tables.ts'
import type { ConversationState, ConversationStep, MessageState } from './conversation-types.ts'

/** A step in the journal's words: everything it leads to is saved together. */
export function decisionOf<T>(
  exec: JournalStorage['exec'],
  step: ConversationStep,
  outcome: T,
  headSeq: number,
  traceparent: string | undefined,
): Decision<ConversationState, T> {
  const numbered = {
    ...step,
    messages: step.messages.map(numberOf(step, headSeq)),
    effects: step.effects.filter(
      (effect) => effect.type !== 'member' || !isMember(exec, effect.userId),
    ),
  }
  const { state, events, effects, messages } = numbered
  return {
    state,
    events,
    outcome,
    outbox: (journalled) => messagesOf(numbered, journalled, traceparent),
    timers: effects.filter(
      (effect) => effect.type === 'timer.set' || effect.type === 'timer.cancel',
    ),
    save: () => {
      for (const message of messages) saveMessage(exec, message)
      for (const effect of effects) if (effect.type === 'member') addMember(exec, effect.userId)
    },
  }
}

/** A message gets the number of the event that makes it. */
const numberOf =
  ({ events }: ConversationStep, headSeq: number) =>
  (message: MessageState): MessageState => {
    const made = events.findIndex(
      ({ type, data }) => type === 'message.created' && data.id === message.id,
    )
    if (made >= 0) {
      const seq = headSeq + 1 + made
      return { ...message, seq, acceptedSeq: message.acceptedSeq || seq }
    }
    const kept = events.findIndex(
      ({ type, data }) => type === 'message.updated' && data.id === message.id,
    )
    return kept < 0 ? message : { ...message, acceptedSeq: headSeq + 1 + kept }
  }

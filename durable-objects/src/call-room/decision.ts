import { type JsonObject, newId } from '@menagerie/core'
import type { Decision, JournalInput } from '../journal/index.ts'
import type { CallCommand } from './call-inputs.ts'
import { messagesOf } from './call-messages.ts'
import type { Step } from './call-outputs.ts'
import type { CallState } from './call-types.ts'
import type { CallContext } from './room-types.ts'

/** A step in the journal's words: everything it leads to is saved together. */
export function decisionOf<T>(
  next: Step,
  outcome: T,
  traceparent?: string,
): Decision<CallState, T> {
  const { state, events, effects } = next
  return {
    state,
    events: events.map(({ type, data }) => ({ type, data })),
    outcome,
    outbox: (numbered) => messagesOf(state, numbered, effects, traceparent),
    timers: effects.filter(
      (effect) => effect.type === 'timer.set' || effect.type === 'timer.cancel',
    ),
  }
}

/** What was asked, in the journal's words. `id` is the caller's own, or fresh. */
export const inputOf = (
  actor: string,
  source: string,
  id: string,
  body: JsonObject,
  { traceparent }: CallContext,
): JournalInput => ({
  actor,
  source,
  id,
  body,
  ...(traceparent === undefined ? {} : { traceparent }),
})

/**
 * A command in the journal's words. A message's own id is its key, so that a client may send it again over any frame;
 * tones leave no trace, not even a hash.
 */
export function commandInput(
  userId: string,
  source: string,
  key: string | null,
  command: CallCommand,
  context: CallContext,
): JournalInput {
  if (command.type === 'message') {
    const { clientMessageId, body } = command
    return inputOf(userId, 'message', clientMessageId, { type: 'message', body }, context)
  }
  const body = command.type === 'dtmf' ? { type: command.type } : { ...command }
  return inputOf(userId, source, key ?? newId(), body as JsonObject, context)
}

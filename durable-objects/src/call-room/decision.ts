import type { JsonObject } from '@menagerie/core'
import type { Decision, JournalInput } from '../journal/index.ts'
import { messagesOf } from './call-messages.ts'
import type { CallState, Step } from './call-types.ts'
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

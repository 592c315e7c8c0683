import type { JsonObject } from '@menagerie/core'
import { err, ok, type Result } from '@menagerie/core'
import type { Applied, JournalInput } from '../journal/types.ts'
import { type Kept, ObjectRecords, traced } from '../shared/object-records.ts'
import type { ConversationContext, ConversationError } from './conversation-api.ts'
import { step } from './conversation-state.ts'
import { findBySid, findMessage, isMember, readMessages } from './conversation-tables.ts'
import type {
  ConversationInput,
  ConversationState,
  ConversationStep,
  MessageState,
} from './conversation-types.ts'
import { decisionOf } from './decision.ts'

/** Who asks, and under which id. */
export interface Asked {
  actor: string
  source: 'http' | 'socket' | 'webhook' | 'carrier'
  id: string
  body?: JsonObject
  context?: ConversationContext
}

/** A conversation's messages on its journal; what becomes of them is in message-writing.ts and message-progress.ts. */
export class ConversationRecords extends ObjectRecords<ConversationState, readonly MessageState[]> {
  message(id: string): MessageState | undefined {
    return this.journal.exists ? findMessage(this.host.exec, id) : undefined
  }

  messageOf(sid: string): MessageState | undefined {
    return this.journal.exists ? findBySid(this.host.exec, sid) : undefined
  }

  /** Messages before a number, newest first; the newest of all where that is `null`. */
  list(beforeSeq: number | null, limit: number): MessageState[] {
    if (!this.journal.exists) return []
    return readMessages(this.host.exec, beforeSeq ?? Number.MAX_SAFE_INTEGER, limit)
  }

  isMember(userId: string): boolean {
    return isMember(this.host.exec, userId)
  }

  /** Takes in what somebody asks of the conversation as a whole. */
  change<T>(
    asked: Asked,
    input: Extract<ConversationInput, { type: 'assign' | 'resolve' }>,
    answer: (state: ConversationState, seq: number, changed: boolean) => T,
  ): Result<Applied<T>, ConversationError> {
    return this.keep(inputOf(asked), (state, now) => {
      const next = step(state, input, now)
      const seq = this.headSeq + next.events.length
      return this.decide(next, answer(next.state, seq, next.state !== state), asked.context)
    })
  }

  /** Takes in something that happened; what changes nothing is not written. */
  take(
    asked: Asked,
    toInput: () => ConversationInput | undefined,
  ): Result<null, ConversationError> {
    const { state } = this.journal
    const input = toInput()
    if (state === undefined || input === undefined) return err({ code: 'not_found' })
    if (step(state, input, this.host.now()).state === state) return ok(null)
    const kept = this.keep(inputOf(asked), (current, now) =>
      this.decide(step(current, input, now), null, asked.context),
    )
    return kept.ok ? ok(null) : kept
  }

  /** A step in the journal's words, with the messages that are new or reached another status. */
  decide<T>(
    next: ConversationStep,
    outcome: T,
    { traceparent }: ConversationContext = {},
  ): Kept<ConversationState, T, readonly MessageState[]> {
    return {
      ...decisionOf(this.host.exec, next, outcome, this.headSeq, traceparent),
      moved: toldIn(next),
    }
  }
}

/** What was asked, in the journal's words. */
export const inputOf = ({ actor, source, id, body = {}, context = {} }: Asked): JournalInput => ({
  actor,
  source,
  id,
  body,
  ...traced(context.traceparent),
})

const toldIn = ({ messages, events }: ConversationStep): MessageState[] =>
  messages.filter(({ id }) =>
    events.some(
      ({ type, data }) =>
        (type === 'message.created' || type === 'message.status') && data.id === id,
    ),
  )

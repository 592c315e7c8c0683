import { newId, type Result } from '@menagerie/core'
import { timerInput } from '../journal/timers.ts'
import type { FiredTimer } from '../journal/types.ts'
import { traced } from '../shared/object-records.ts'
import type { ConversationContext, ConversationError } from './conversation-api.ts'
import type { Asked, ConversationRecords } from './conversation-records.ts'
import { step, unchanged } from './conversation-state.ts'
import { undelivered, unreadBy } from './conversation-tables.ts'
import type { ConversationInput, MessageReport, MessageState, Side } from './conversation-types.ts'
import { toTimerInput } from './timer-inputs.ts'

/** Messages that one step moves; the rest follows in the next. */
const CHUNK = 100

/** What the carrier says of a message. Late, repeated and reordered reports change nothing and are not written. */
export function reportMessage(
  records: ConversationRecords,
  messageId: string,
  report: MessageReport,
  context: ConversationContext = {},
): Result<null, ConversationError> {
  const id = JSON.stringify([messageId, report.sid, report.status])
  return records.take({ actor: 'carrier', source: 'webhook', id, context }, () => {
    const message = records.message(messageId)
    return message && { type: 'carrier.report', message, report }
  })
}

/** A message will never leave. */
export function refuseMessage(
  records: ConversationRecords,
  messageId: string,
  reason: string,
): void {
  mustTake(records, { actor: 'carrier', source: 'carrier', id: newId() }, () => {
    const message = records.message(messageId)
    return message && { type: 'carrier.refused', message, reason }
  })
}

/** One side has read what the other wrote, up to a number. */
export function readUpTo(
  records: ConversationRecords,
  side: Side,
  upToSeq: number,
  asked: Asked,
): Result<null, ConversationError> {
  const unread = (): MessageState[] =>
    records.journal.exists ? unreadBy(records.host.exec, side, upToSeq, CHUNK) : []
  let next = asked
  for (;;) {
    const waits = unread().length
    const taken = records.take(next, () => ({ type: 'messages.read', messages: unread() }))
    if (!taken.ok || waits < CHUNK) return taken
    next = { ...asked, id: newId() }
  }
}

/** A device of the customer has everything that was said. */
export function reachCustomer(records: ConversationRecords, actor: string): void {
  for (;;) {
    const messages = records.journal.exists ? undelivered(records.host.exec, CHUNK) : []
    if (messages.length === 0) return
    mustTake(records, { actor, source: 'socket', id: newId() }, () => ({
      type: 'messages.reached',
      messages,
    }))
  }
}

/** A timer fired. One that was cancelled or set anew in the meantime leaves nothing to do. */
export function ringMessage(records: ConversationRecords, timer: FiredTimer): void {
  records.keep(timerInput(timer), (state, now) => {
    const { messageId, input } = toTimerInput(timer)
    const message = records.message(messageId)
    const next = message === undefined ? unchanged(state) : step(state, input(message), now)
    return records.decide(next, null, traced(message?.traceparent ?? undefined))
  })
}

/** @throws Error where the journal cannot keep it: it happens again */
export function mustKnow(told: Result<null, ConversationError>): void {
  if (!told.ok && told.error.code !== 'not_found')
    throw new Error(`The conversation's journal answered ${told.error.code}`)
}

const mustTake = (
  records: ConversationRecords,
  asked: Asked,
  toInput: () => ConversationInput | undefined,
): void => mustKnow(records.take(asked, toInput))

import { toTimestamp } from '@menagerie/core'
import { countAbandoned, countAnswered, ofToday } from './day-counts.ts'
import type { Past, QueueState, WaitingEntry } from './queue-model.ts'
import type { WithdrawnContact } from './queue-types.ts'
import type { Turn } from './turn.ts'

const seconds = (ms: number): number => Math.round(ms / 1000)

/** An agent has taken the contact. Its reservation has ended before. */
export function waitEnded(
  state: QueueState,
  turn: Turn,
  contact: WaitingEntry,
  agentId: string,
  at: number,
): { state: QueueState } {
  const { callId, offer, offeredAt } = contact
  const answeredAt = Math.max(at, offeredAt)
  const waitMs = turn.waited(contact, answeredAt)
  turn.book.dropContact(callId, { callId, offer, outcome: 'answered' })
  turn.events.push({
    type: 'contact.answered',
    data: {
      callId,
      offer,
      agentId,
      offeredAt: toTimestamp(offeredAt),
      answeredAt: toTimestamp(answeredAt),
      waitSeconds: seconds(waitMs),
    },
  })
  const { serviceLevelSeconds } = state.settings
  const day = countAnswered(ofToday(state.day, turn.now), waitMs, serviceLevelSeconds)
  return { state: { ...state, day } }
}

/** The contact waits no more, and nobody here has taken it. One that is not known yet must not come later. */
export function waitMoved(
  state: QueueState,
  turn: Turn,
  past: Past,
  { callId, offer, reason }: WithdrawnContact,
): { state: QueueState } {
  const { book, now } = turn
  const contact = book.contact(callId)
  if (contact === undefined || contact.offer > offer) {
    const newest = Math.max(contact?.offer ?? 0, past.contact(callId)?.offer ?? 0)
    if (newest < offer) book.notePast({ callId, offer, outcome: reason })
    return { state }
  }
  turn.endReservation(contact, 'canceled', reason)
  book.dropContact(callId, { callId, offer, outcome: reason })
  const waitMs = turn.waited(contact)
  const data = {
    callId,
    offer: contact.offer,
    offeredAt: toTimestamp(contact.offeredAt),
    waitSeconds: seconds(waitMs),
  }
  if (reason !== 'abandoned') {
    turn.events.push({ type: 'contact.withdrawn', data: { ...data, reason } })
    return { state }
  }
  turn.events.push({ type: 'contact.abandoned', data: { ...data, abandonedAt: toTimestamp(now) } })
  return { state: { ...state, day: countAbandoned(ofToday(state.day, now), waitMs) } }
}

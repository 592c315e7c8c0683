import { toTimestamp } from '@menagerie/core'
import { waitEnded, waitMoved } from './contact-ends.ts'
import { countOffered, ofToday } from './day-counts.ts'
import { isDoubted, type QueueBook } from './queue-book.ts'
import type {
  DeskAnswer,
  Past,
  QueueInput,
  QueueSettings,
  QueueState,
  QueueStep,
  WaitingEntry,
} from './queue-model.ts'
import type { AgentStanding, OfferedContact, ReservationOutcome } from './queue-types.ts'
import { AGAIN_MS, DOUBT_MS, GRACE_MS, SOON_MS, Turn } from './turn.ts'

/** A queue that was just made. */
export function begin(settings: QueueSettings, now: number): QueueStep {
  const state = { settings, removedAt: null, day: ofToday(undefined, now), wakeAt: null }
  return { state, events: [updated(settings, null)], effects: [{ type: 'list' }], answer: 'done' }
}

/**
 * Pure rules of a queue: what an input leads to. Who waits and who serves is in the book, which is changed in place and
 * notes which rows must be written; when they cannot be, the book is thrown away.
 *
 * After each step nobody who is ready could take a contact that waits, except one that all ready agents have just
 * refused, which pauses.
 */
export function step(
  before: QueueState,
  book: QueueBook,
  past: Past,
  input: QueueInput,
  now: number,
  newId: () => string,
): QueueStep {
  const turn = new Turn(book, now, newId)
  const { state, answer = 'done' } = taken(before, turn, past, input)
  turn.assign(state)
  const look = turn.nextLook
  const standing = input.type === 'wake' ? null : state.wakeAt
  const wakeAt = standing === null || look === null ? (look ?? standing) : Math.min(look, standing)
  return {
    state: wakeAt === state.wakeAt ? state : { ...state, wakeAt },
    events: turn.events,
    effects: turn.effects,
    answer,
  }
}

interface Taken {
  state: QueueState
  answer?: QueueStep['answer']
}

function taken(state: QueueState, turn: Turn, past: Past, input: QueueInput): Taken {
  switch (input.type) {
    case 'offer':
      return offered(state, turn, past, input.contact)
    case 'withdraw':
      return waitMoved(state, turn, past, input.contact)
    case 'agent':
      stood(turn, input.standing)
      return { state }
    case 'outcome':
      return reservationEnded(state, turn, past, input.outcome)
    case 'answers':
      for (const answer of input.answers) answered(turn, answer)
      return { state }
    case 'patch':
      return patched(state, turn, input.patch)
    case 'remove':
      return removed(state, turn)
    case 'wake':
      woken(turn)
      return { state }
  }
}

function offered(state: QueueState, turn: Turn, past: Past, contact: OfferedContact): Taken {
  const { book, now } = turn
  const { callId, offer } = contact
  const known = book.contact(callId)
  const over = past.contact(callId)
  if ((known !== undefined && known.offer >= offer) || (over !== undefined && over.offer >= offer))
    return { state }
  if (known !== undefined)
    waitMoved(state, turn, past, { callId, offer: known.offer, reason: 'moved' })
  const entry: WaitingEntry = {
    callId,
    offer,
    direction: contact.direction,
    from: contact.from,
    to: contact.to,
    priority: contact.priority ?? state.settings.priority,
    skills: [...new Set(contact.skills)].sort(),
    offeredAt: contact.offeredAt,
    metadata: contact.metadata,
    reservation: null,
    passedBy: [],
    forgetAt: 0,
  }
  book.putContact(entry)
  const { priority, skills, offeredAt } = entry
  turn.events.push({
    type: 'contact.offered',
    data: { callId, offer, priority, skills: [...skills], offeredAt: toTimestamp(offeredAt) },
  })
  return { state: { ...state, day: countOffered(ofToday(state.day, now)) } }
}

/** An older standing, or the same again, changes nothing. */
function stood(turn: Turn, standing: AgentStanding): void {
  const known = turn.book.agent(standing.agentId)
  if (known !== undefined && known.standing.version >= standing.version) return
  const { doubt = null } = known ?? {}
  const stands = doubt !== null && standing.version < doubt.version
  turn.book.putAgent({ standing, doubt: stands ? doubt : null })
}

function reservationEnded(
  state: QueueState,
  turn: Turn,
  past: Past,
  { reservationId, agentId, outcome, at, standing }: ReservationOutcome,
): Taken {
  stood(turn, standing)
  const { book } = turn
  const kept = book.contactOf(reservationId)
  if (kept !== undefined) {
    turn.endReservation(kept, outcome)
    if (outcome === 'accepted') return waitEnded(state, turn, kept, agentId, at)
    turn.putBack(kept, agentId, outcome === 'rejected' ? turn.now + AGAIN_MS : 0)
    return { state }
  }
  if (outcome !== 'accepted') return { state }
  const over = past.reservation(reservationId)
  if (over?.outcome === 'accepted') return { state }
  const waits = over === undefined ? undefined : book.contact(over.callId)
  // The queue gave the agent up too early: the room decided who has the contact, and it waits no more.
  if (over !== undefined && waits !== undefined && waits.offer === over.offer) {
    turn.endReservation(waits, 'canceled', 'gone')
    book.endReservation({ ...over, outcome })
    return waitEnded(state, turn, waits, agentId, at)
  }
  return { state, answer: 'conflict' }
}

/** What a desk answered to being asked. */
function answered(turn: Turn, { reservationId, outcome, version }: DeskAnswer): void {
  const { book, now } = turn
  const kept = book.contactOf(reservationId)
  if (kept?.reservation == null) return
  const { agentId, knownAt } = kept.reservation
  if (outcome === 'pending') {
    if (knownAt !== null) return
    book.putContact({ ...kept, reservation: { ...kept.reservation, knownAt: version } })
    return
  }
  const silent = outcome === 'unreached'
  turn.endReservation(kept, silent ? 'canceled' : 'refused', silent ? outcome : undefined)
  // The agent has not seen it, and may have it as soon as it can.
  turn.putBack(kept, undefined, 0)
  const told = book.agent(agentId)?.standing.version ?? version
  if (silent) turn.doubt(agentId, told + 1, now + DOUBT_MS)
  else if (told < version) turn.doubt(agentId, version, now + DOUBT_MS)
  else turn.doubt(agentId, told + 1, now + (told === version ? AGAIN_MS : SOON_MS))
}

function patched(
  state: QueueState,
  turn: Turn,
  patch: Extract<QueueInput, { type: 'patch' }>['patch'],
): Taken {
  const { settings } = state
  const wanted = Object.fromEntries(
    Object.entries(patch).filter(([, value]) => value !== undefined),
  )
  const next: QueueSettings = { ...settings, ...wanted }
  if (JSON.stringify(next) === JSON.stringify(settings)) return { state }
  const changed = { ...next, version: settings.version + 1, updatedAt: turn.now }
  turn.events.push(updated(changed, null))
  turn.effects.push({ type: 'list' })
  return { state: { ...state, settings: changed } }
}

function removed(state: QueueState, turn: Turn): Taken {
  if (turn.book.waiting > 0) return { state, answer: 'conflict' }
  const { now } = turn
  const settings = { ...state.settings, version: state.settings.version + 1, updatedAt: now }
  turn.events.push(updated(settings, now))
  turn.effects.push({ type: 'list' })
  return { state: { ...state, settings, removedAt: now } }
}

/** Ends what no desk has ended, and finds when to look again. */
function woken(turn: Turn): void {
  const { book, now } = turn
  for (const contact of [...book.reservedContacts]) {
    const { reservation } = contact
    if (reservation === null) continue
    const { agentId, expiresAt } = reservation
    if (expiresAt + GRACE_MS > now) {
      turn.look(expiresAt + GRACE_MS)
      continue
    }
    turn.endReservation(contact, 'timeout', 'timeout')
    turn.putBack(contact, agentId, 0)
    const told = book.agent(agentId)?.standing.version ?? 0
    turn.doubt(agentId, told + 1, now + DOUBT_MS)
  }
  for (const agent of book.agents)
    if (agent.doubt !== null && isDoubted(agent, now)) turn.look(agent.doubt.until)
}

const updated = (settings: QueueSettings, removedAt: number | null) => ({
  type: 'queue.updated' as const,
  data: {
    name: settings.name,
    skills: settings.skills,
    priority: settings.priority,
    reservationTimeoutSeconds: settings.reservationTimeoutSeconds,
    serviceLevelSeconds: settings.serviceLevelSeconds,
    version: settings.version,
    removed: removedAt !== null,
  },
})

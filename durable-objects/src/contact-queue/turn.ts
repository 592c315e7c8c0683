import { toTimestamp } from '@menagerie/core'
import { couldTake, match } from './matching.ts'
import type { QueueBook } from './queue-book.ts'
import type {
  AgentEntry,
  PastReservation,
  QueueEffect,
  QueueEvent,
  QueueState,
  WaitingEntry,
} from './queue-model.ts'

/** How long after a reservation should have ended its desk may still say how. */
export const GRACE_MS = 5_000
/** A lone agent gets a contact that it refused again after this. */
export const AGAIN_MS = 2_000
/** A desk that refused, and has moved on since, is asked again after this: two never ask each other without a pause. */
export const SOON_MS = 250
/** How long a desk that says nothing new is not asked after it refused, or was silent. */
export const DOUBT_MS = 5_000

/** One input's work on the book: what it leads to is gathered while the rules run. */
export class Turn {
  readonly book: QueueBook
  readonly now: number
  readonly events: QueueEvent[] = []
  readonly effects: QueueEffect[] = []
  readonly #newId: () => string
  /** When something is to be looked at again. */
  readonly #due: number[] = []

  constructor(book: QueueBook, now: number, newId: () => string) {
    this.book = book
    this.now = now
    this.#newId = newId
  }

  /** Asks to be woken then. */
  look(at: number): void {
    this.#due.push(at)
  }

  /** When the timer must come, milliseconds since the epoch. */
  get nextLook(): number | null {
    return this.#due.length === 0 ? null : Math.min(...this.#due)
  }

  /** How long the contact has waited until then, milliseconds. */
  waited({ offeredAt }: WaitingEntry, at = this.now): number {
    return Math.max(0, at - offeredAt)
  }

  /**
   * Ends the reservation that keeps a contact. The contact itself is dropped, or put back, by the caller.
   *
   * @param tell why the desk must know of it; left out where the desk said so itself
   */
  endReservation(
    { callId, offer, reservation }: WaitingEntry,
    outcome: PastReservation['outcome'],
    tell?: string,
  ): void {
    if (reservation === null) return
    const { id, agentId } = reservation
    this.book.endReservation({ id, callId, offer, agentId, outcome })
    if (tell !== undefined)
      this.effects.push({ type: 'cancel', reservationId: id, agentId, reason: tell })
  }

  /** The contact waits again, for another agent than the one who passed it by. */
  putBack(entry: WaitingEntry, passedBy: string | undefined, forgetAt: number): void {
    const marks = passedBy === undefined || entry.passedBy.includes(passedBy) ? [] : [passedBy]
    this.book.putContact({
      ...entry,
      reservation: null,
      passedBy: [...entry.passedBy, ...marks],
      forgetAt: Math.max(entry.forgetAt, forgetAt),
    })
  }

  /** What is known of the agent is stale: nothing is offered until the desk tells of that version, or for a while. */
  doubt(agentId: string, version: number, until: number): void {
    const agent = this.book.agent(agentId)
    if (agent === undefined) return
    this.book.putAgent({ ...agent, doubt: { version, until } })
    this.look(until)
  }

  /** Gives what waits to who is ready: afterwards nobody is ready for anything that waits, but for a pause. */
  assign({ settings }: QueueState): void {
    const assignOne = (contact: WaitingEntry, agent: AgentEntry) =>
      this.#reserve(contact, agent, settings.reservationTimeoutSeconds * 1000)
    match(this.book, this.now, assignOne)
    if (this.#forget()) match(this.book, this.now, assignOne)
  }

  /** Contacts that every ready agent has passed by begin anew; false when there is none. */
  #forget(): boolean {
    const ready = this.book.ready(this.now)
    if (ready.length === 0) return false
    let forgotten = false
    for (const contact of [...this.book.passedContacts]) {
      if (!couldTake(ready, contact)) continue
      if (contact.forgetAt > this.now) this.look(contact.forgetAt)
      else {
        this.book.putContact({ ...contact, passedBy: [] })
        forgotten = true
      }
    }
    return forgotten
  }

  #reserve(contact: WaitingEntry, { standing }: AgentEntry, timeoutMs: number): void {
    const { agentId } = standing
    const expiresAt = this.now + timeoutMs
    const reservation = { id: this.#newId(), agentId, expiresAt, knownAt: null }
    const reserved = { ...contact, reservation }
    this.book.putContact(reserved)
    this.look(expiresAt + GRACE_MS)
    this.effects.push({ type: 'reserve', contact: reserved, reservation })
    this.events.push({
      type: 'contact.reserved',
      data: {
        callId: contact.callId,
        offer: contact.offer,
        reservationId: reservation.id,
        agentId,
        expiresAt: toTimestamp(expiresAt),
      },
    })
  }
}

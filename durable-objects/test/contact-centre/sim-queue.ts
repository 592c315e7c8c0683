import { isDoubted, QueueBook } from '../../src/contact-queue/queue-book.ts'
import type {
  AgentEntry,
  PastContact,
  PastReservation,
  QueueInput,
  QueueState,
  QueueStep,
  WaitingEntry,
} from '../../src/contact-queue/queue-model.ts'
import { begin, step } from '../../src/contact-queue/queue-state.ts'
import { assert } from './assert.ts'

/** A queue's real rules on rows that a test keeps: what a crash leaves is what was committed. */
export class SimQueue {
  readonly id: string
  state: QueueState
  /** Reservations that ended, once each. */
  readonly ended = new Map<string, PastReservation['outcome']>()
  /** Contacts and waits that were answered here. */
  readonly answers = new Map<string, string>()
  book = new QueueBook()
  readonly #contacts = new Map<string, string>()
  readonly #agents = new Map<string, string>()
  readonly #pastContacts = new Map<string, PastContact>()
  readonly #pastReservations = new Map<string, PastReservation>()
  readonly #newId: () => string

  constructor(id: string, now: number, newId: () => string) {
    this.id = id
    this.#newId = newId
    this.state = begin(
      {
        id,
        name: id,
        skills: [],
        priority: 50,
        reservationTimeoutSeconds: 20,
        serviceLevelSeconds: 20,
        version: 1,
        createdAt: now,
        updatedAt: now,
      },
      now,
    ).state
  }

  /** A fresh process on the same rows. */
  reload(): void {
    const book = new QueueBook()
    for (const text of this.#agents.values()) book.putAgent(JSON.parse(text) as AgentEntry)
    for (const text of this.#contacts.values()) book.putContact(JSON.parse(text) as WaitingEntry)
    book.takeChanges()
    this.book = book
  }

  /** One input's transaction. @param fails the rows cannot be written: nothing has happened */
  take(input: QueueInput, now: number, fails: boolean): QueueStep | undefined {
    const past = {
      contact: (callId: string) => this.#pastContacts.get(callId),
      reservation: (id: string) => this.#pastReservations.get(id),
    }
    const next = step(this.state, this.book, past, input, now, this.#newId)
    if (fails) {
      this.reload()
      return undefined
    }
    const changes = this.book.takeChanges()
    for (const callId of changes.contacts) write(this.#contacts, callId, this.book.contact(callId))
    for (const agentId of changes.agents) write(this.#agents, agentId, this.book.agent(agentId))
    for (const one of changes.pastContacts) this.#pastContacts.set(one.callId, one)
    for (const one of changes.pastReservations) this.#end(one)
    for (const { type, data } of next.events)
      if (type === 'contact.answered') {
        const wait = `${data.callId}/${data.offer}`
        assert(!this.answers.has(wait), `${wait} is answered once`)
        this.answers.set(wait, String(data.agentId))
      }
    this.state = next.state
    this.#check(now)
    return next
  }

  #end(one: PastReservation): void {
    const before = this.ended.get(one.id)
    // An agent who accepts what the queue had given up is the one exception.
    assert(
      before === undefined || (before !== 'accepted' && one.outcome === 'accepted'),
      `reservation ${one.id} ends once, not ${before} and then ${one.outcome}`,
    )
    this.ended.set(one.id, one.outcome)
    this.#pastReservations.set(one.id, one)
  }

  /** Capacity and waiting never coexist. */
  #check(now: number): void {
    const { book } = this
    const ready = [...book.agents].filter(
      (agent) => book.freeOf(agent.standing.agentId) > 0 && !isDoubted(agent, now),
    )
    for (const text of this.#contacts.values()) {
      const contact = JSON.parse(text) as WaitingEntry
      if (contact.reservation !== null) continue
      for (const { standing } of ready) {
        const fits = contact.skills.every((skill) => standing.skills.includes(skill))
        const passed = contact.passedBy.includes(standing.agentId) && contact.forgetAt > now
        assert(!fits || passed, `${contact.callId} waits while ${standing.agentId} is ready`)
      }
    }
    const wakes = this.state.wakeAt !== null
    assert(wakes || book.reserved === 0, 'a timer watches what is reserved')
  }
}

function write(rows: Map<string, string>, id: string, row: object | undefined): void {
  if (row === undefined) rows.delete(id)
  else rows.set(id, JSON.stringify(row))
}

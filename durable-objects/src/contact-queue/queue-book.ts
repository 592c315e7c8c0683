import { Lanes, order } from './lanes.ts'
import type { AgentEntry, PastContact, PastReservation, WaitingEntry } from './queue-model.ts'

/** Rows that an input has changed, to be written in its transaction. */
export interface BookChanges {
  /** Ids of contacts and agents; what is not in the book any more is deleted. */
  contacts: ReadonlySet<string>
  agents: ReadonlySet<string>
  pastContacts: readonly PastContact[]
  pastReservations: readonly PastReservation[]
}

/**
 * Who waits and who serves, with the indexes that make an assignment cheap. A cache of the queue's tables: thrown away
 * when what it notes as changed could not be written.
 */
export class QueueBook {
  readonly lanes = new Lanes()
  readonly #contacts = new Map<string, WaitingEntry>()
  readonly #agents = new Map<string, AgentEntry>()
  /** Contacts that are kept for somebody, by reservation. */
  readonly #reserved = new Map<string, WaitingEntry>()
  /** The same by agent. */
  readonly #reservedFor = new Map<string, Map<string, WaitingEntry>>()
  /** Contacts kept for nobody that somebody has passed by. */
  readonly #passed = new Map<string, WaitingEntry>()
  /** Agents with room, in doubt or not. */
  readonly #free = new Set<string>()
  #changedContacts = new Set<string>()
  #changedAgents = new Set<string>()
  #pastContacts: PastContact[] = []
  #pastReservations: PastReservation[] = []

  get waiting(): number {
    return this.#contacts.size
  }

  get reserved(): number {
    return this.#reserved.size
  }

  /** Contacts that are kept for somebody. */
  get reservedContacts(): Iterable<WaitingEntry> {
    return this.#reserved.values()
  }

  get passedContacts(): Iterable<WaitingEntry> {
    return this.#passed.values()
  }

  get agents(): Iterable<AgentEntry> {
    return this.#agents.values()
  }

  contact(callId: string): WaitingEntry | undefined {
    return this.#contacts.get(callId)
  }

  agent(agentId: string): AgentEntry | undefined {
    return this.#agents.get(agentId)
  }

  /** The contact that a reservation keeps. */
  contactOf(reservationId: string): WaitingEntry | undefined {
    return this.#reserved.get(reservationId)
  }

  /** Reservations under way with that agent. */
  reservationsOf(agentId: string): number {
    return this.#reservedFor.get(agentId)?.size ?? 0
  }

  /** Contacts the agent can take now: what the desk told, less what it did not know of when it told it. */
  freeOf(agentId: string): number {
    const standing = this.#agents.get(agentId)?.standing
    if (standing === undefined || !standing.serves) return 0
    let free = standing.free
    for (const { reservation } of this.#reservedFor.get(agentId)?.values() ?? []) {
      if (reservation === null || standing.reservations.includes(reservation.id)) continue
      if (reservation.knownAt === null || reservation.knownAt > standing.version) free -= 1
    }
    return Math.max(0, free)
  }

  /** Who could take a contact at once. */
  ready(now: number): AgentEntry[] {
    const ready: AgentEntry[] = []
    for (const agentId of this.#free) {
      const agent = this.#agents.get(agentId)
      if (agent !== undefined && !isDoubted(agent, now)) ready.push(agent)
    }
    return ready
  }

  /** 1 for the contact that is next; those that are kept for somebody count. */
  positionOf(entry: WaitingEntry): number {
    let position = 1 + this.lanes.before(entry)
    for (const other of this.#reserved.values()) if (order(other, entry) < 0) position += 1
    return position
  }

  /** When the longest wait began. */
  oldest(): number | undefined {
    let oldest = this.lanes.oldest()
    for (const { offeredAt } of this.#reserved.values())
      oldest = Math.min(oldest ?? offeredAt, offeredAt)
    return oldest
  }

  putContact(entry: WaitingEntry): void {
    this.#unlink(this.#contacts.get(entry.callId))
    this.#contacts.set(entry.callId, entry)
    this.#changedContacts.add(entry.callId)
    const { reservation } = entry
    if (reservation === null) {
      this.lanes.add(entry)
      if (entry.passedBy.length > 0) this.#passed.set(entry.callId, entry)
      return
    }
    this.#reserved.set(reservation.id, entry)
    const { agentId } = reservation
    const others = this.#reservedFor.get(agentId) ?? new Map<string, WaitingEntry>()
    this.#reservedFor.set(agentId, others.set(entry.callId, entry))
    this.#weigh(agentId)
  }

  /** The wait is over. */
  dropContact(callId: string, past: PastContact): void {
    this.#unlink(this.#contacts.get(callId))
    this.#contacts.delete(callId)
    this.#changedContacts.add(callId)
    this.#pastContacts.push(past)
  }

  /** A wait that was over before this queue knew of it. */
  notePast(past: PastContact): void {
    this.#pastContacts.push(past)
  }

  putAgent(agent: AgentEntry): void {
    const { agentId } = agent.standing
    this.#agents.set(agentId, agent)
    this.#changedAgents.add(agentId)
    this.#weigh(agentId)
  }

  endReservation(past: PastReservation): void {
    this.#pastReservations.push(past)
  }

  /** What has changed since the last time. */
  takeChanges(): BookChanges {
    const changes = {
      contacts: this.#changedContacts,
      agents: this.#changedAgents,
      pastContacts: this.#pastContacts,
      pastReservations: this.#pastReservations,
    }
    this.#changedContacts = new Set()
    this.#changedAgents = new Set()
    this.#pastContacts = []
    this.#pastReservations = []
    return changes
  }

  #unlink(entry: WaitingEntry | undefined): void {
    if (entry === undefined) return
    const { callId, reservation } = entry
    if (reservation === null) {
      this.lanes.remove(entry)
      this.#passed.delete(callId)
      return
    }
    this.#reserved.delete(reservation.id)
    const others = this.#reservedFor.get(reservation.agentId)
    others?.delete(callId)
    if (others?.size === 0) this.#reservedFor.delete(reservation.agentId)
    this.#weigh(reservation.agentId)
  }

  #weigh(agentId: string): void {
    if (this.freeOf(agentId) > 0) this.#free.add(agentId)
    else this.#free.delete(agentId)
  }
}

/** Whether what the desk told last is known to be stale. */
export const isDoubted = ({ doubt, standing }: AgentEntry, now: number): boolean =>
  doubt !== null && standing.version < doubt.version && now < doubt.until

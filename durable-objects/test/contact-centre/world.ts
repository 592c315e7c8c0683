import { freeOf } from '../../src/agent-desk/desk-standing.ts'
import type { DeskState } from '../../src/agent-desk/desk-state-types.ts'
import type { DeskAnswer, QueueInput } from '../../src/contact-queue/queue-model.ts'
import { assert } from './assert.ts'
import { type Faults, Mail, noFaults } from './mail.ts'
import type { Random } from './random.ts'
import { SimDesks } from './sim-desks.ts'
import { SimQueue } from './sim-queue.ts'

/** A call's room, as far as queues and desks can tell. */
interface Room {
  callId: string
  queueId: string
  offer: number
  offeredAt: number
  skills: string[]
  status: 'waiting' | 'answered' | 'over'
  /** Who has it, by which reservation. */
  agentId: string | null
  reservationId: string | null
  seq: number
}

const skillSets = [[], [], ['en'], ['fr'], ['en', 'fr']]

/** Queues, desks and rooms by their real rules, with simulated outboxes between them and a clock turned by hand. */
export class World {
  now = 1_750_000_000_000
  readonly queues: SimQueue[]
  readonly rooms = new Map<string, Room>()
  readonly #desks: SimDesks
  readonly #random: Random
  readonly #mail: Mail
  #ids = 0

  constructor(random: Random, faults: Faults, size: { queues: number; agents: number }) {
    this.#random = random
    this.#mail = new Mail(random, faults)
    const newId = () => `r${this.#ids++}`
    this.queues = Array.from(
      { length: size.queues },
      (_, index) => new SimQueue(`q${index}`, this.now, newId),
    )
    this.#desks = new SimDesks({
      random,
      mail: this.#mail,
      now: () => this.now,
      queueIds: () => this.queues.map(({ id }) => id),
      ask: (queueId, input) => this.#ask(queueId, input),
      accepted: (callId, offer, reservationId, agentId) =>
        this.#accepted(callId, offer, reservationId, agentId),
      agentOf: (callId) => this.rooms.get(callId)?.agentId,
    })
    for (let index = 0; index < size.agents; index++) this.#desks.hire(`a${index}`)
  }

  get desks(): DeskState[] {
    return this.#desks.all
  }

  /** A customer calls. */
  call(): void {
    const callId = `c${this.#ids++}`
    const queueId = this.#random.of(this.queues)?.id ?? ''
    const skills = this.#random.of(skillSets) ?? []
    const room: Room = {
      callId,
      queueId,
      offer: 1,
      offeredAt: this.now,
      skills,
      status: 'waiting',
      agentId: null,
      reservationId: null,
      seq: 1,
    }
    this.rooms.set(callId, room)
    this.#offer(room)
  }

  /** A customer leaves, waiting or not. */
  leave(): void {
    const room = this.#anyRoom(({ status }) => status !== 'over')
    if (room === undefined) return
    if (room.status === 'waiting') this.#withdraw(room, 'abandoned')
    else this.#presence(room, 'left')
    room.status = 'over'
    room.agentId = null
  }

  /** The agent is lost, or a supervisor moves the wait: the call waits again, maybe elsewhere. */
  again(): void {
    const room = this.#anyRoom(({ status }) => status !== 'over')
    if (room === undefined) return
    if (room.status === 'waiting') this.#withdraw(room, 'moved')
    else this.#presence(room, 'left')
    room.status = 'waiting'
    room.agentId = null
    room.reservationId = null
    room.offer += 1
    room.queueId = this.#random.of(this.queues)?.id ?? ''
    this.#offer(room)
  }

  /** An agent does something. */
  agentActs(): void {
    const desk = this.#random.of(this.desks)
    if (desk === undefined) return
    const pending = this.#random.of(desk.reservations.filter(({ state }) => state === 'pending'))
    const roll = this.#random.next()
    if (pending !== undefined && roll < 0.8) {
      const reservationId = pending.id
      if (roll < 0.5)
        this.#desks.act(desk.id, { type: 'accept', reservationId, connectionId: null })
      else this.#desks.act(desk.id, { type: 'reject', reservationId })
      return
    }
    const name = this.#random.of(['available', 'available', 'busy', 'break', 'offline'] as const)
    if (roll < 0.85)
      this.#desks.act(desk.id, { type: this.#random.chance(0.5) ? 'connected' : 'disconnected' })
    else if (name !== undefined) this.#desks.act(desk.id, { type: 'choose', name })
  }

  /** A queue's process dies between two transactions. */
  crash(): void {
    this.#random.of(this.queues)?.reload()
  }

  /** One message arrives. */
  deliver(): void {
    this.#mail.deliver()
  }

  /** Time goes by; what is due happens. */
  advance(ms: number): void {
    const until = this.now + ms
    for (;;) {
      const due = this.#firstDue()
      if (due === undefined || due.at > until) break
      this.now = Math.max(this.now, due.at)
      due.run()
    }
    this.now = until
  }

  /** Faults end, and what is on its way arrives; what pauses goes on. */
  settle(): void {
    this.#mail.faults = noFaults
    for (let round = 0; round < 3; round++) {
      this.#mail.drain()
      this.advance(5_100)
    }
    this.#mail.drain()
    this.#checkNothingStuck()
  }

  /** Everybody is at work until nobody waits. */
  finish(): void {
    for (const { id } of this.desks) {
      this.#desks.act(id, { type: 'connected' })
      this.#desks.act(id, { type: 'choose', name: 'available' })
    }
    for (let round = 0; round < 400; round++) {
      this.#mail.drain()
      const waiting = [...this.rooms.values()].filter(({ status }) => status === 'waiting')
      if (waiting.length === 0) break
      for (const desk of this.desks) {
        for (const { id, state } of desk.reservations)
          if (state === 'pending')
            this.#desks.act(desk.id, { type: 'accept', reservationId: id, connectionId: null })
        if (desk.choice !== 'available')
          this.#desks.act(desk.id, { type: 'choose', name: 'available' })
      }
      this.#mail.drain()
      for (const room of this.rooms.values())
        if (room.status === 'answered') {
          this.#presence(room, 'left')
          room.status = 'over'
          room.agentId = null
        }
      this.#mail.drain()
      this.advance(2_000)
    }
    this.#mail.drain()
    for (const room of this.rooms.values())
      assert(room.status !== 'waiting', `${room.callId} is answered when everybody works`)
    // Reservations that nobody ended run out by themselves.
    for (let round = 0; round < 10; round++) {
      this.advance(10_000)
      this.#mail.drain()
    }
    for (const { id, book } of this.queues) {
      assert(book.waiting === 0, `nobody waits in ${id} who has left: ${book.waiting}`)
      assert(book.reserved === 0, `no reservation of ${id} is left over`)
    }
    for (const desk of this.desks)
      for (const { id, state, holds } of desk.reservations)
        assert(state !== 'pending' && !holds, `reservation ${id} has ended at its desk`)
  }

  #anyRoom(fits: (room: Room) => boolean): Room | undefined {
    return this.#random.of([...this.rooms.values()].filter(fits))
  }

  /** What a desk says of itself when it is asked is the truth that counts here. */
  #checkNothingStuck(): void {
    for (const queue of this.queues)
      for (const room of this.rooms.values()) {
        const contact = queue.book.contact(room.callId)
        if (room.status === 'waiting' && room.queueId === queue.id)
          assert(contact?.offer === room.offer, `${room.callId} is known to wait in ${queue.id}`)
        else assert(contact === undefined, `${room.callId} has left ${queue.id}`)
        if (contact === undefined || contact.reservation !== null) continue
        for (const desk of this.desks) {
          const fits = contact.skills.every((skill) => desk.profile.skills.includes(skill))
          const paused = contact.passedBy.includes(desk.id) && contact.forgetAt > this.now
          assert(
            freeOf(desk) === 0 || !fits || paused,
            `${room.callId} waits in ${queue.id} while ${desk.id} has room`,
          )
        }
      }
  }

  // Rooms

  #offer({ callId, queueId, offer, offeredAt, skills }: Room): void {
    const contact = {
      callId,
      offer,
      direction: 'inbound',
      from: '',
      to: '',
      priority: this.#random.of([null, 10, 90]) ?? null,
      skills,
      offeredAt,
      metadata: {},
    } as const
    this.#mail.send(`offer ${callId}/${offer}`, () =>
      this.#ask(queueId, { type: 'offer', contact }),
    )
  }

  #withdraw({ callId, queueId, offer }: Room, reason: 'abandoned' | 'moved'): void {
    const contact = { callId, offer, reason }
    this.#mail.send(`withdraw ${callId}`, () => this.#ask(queueId, { type: 'withdraw', contact }))
  }

  #presence(room: Room, state: 'joined' | 'left'): void {
    const { callId, queueId, agentId } = room
    if (agentId === null) return
    room.seq += 1
    const input = { type: 'presence', callId, seq: room.seq, state, queueId, at: this.now } as const
    this.#mail.send(`${state} ${callId}`, () => this.#desks.act(agentId, input))
  }

  #accepted(callId: string, offer: number, reservationId: string, agentId: string): boolean {
    const room = this.rooms.get(callId)
    if (room === undefined) return false
    if (room.reservationId === reservationId) return true
    if (room.status !== 'waiting' || room.offer !== offer) return false
    Object.assign(room, { status: 'answered', agentId, reservationId })
    this.#presence(room, 'joined')
    return true
  }

  // Queues

  /** @returns false when the queue could not keep it */
  #ask(queueId: string, input: QueueInput): boolean {
    const queue = this.queues.find(({ id }) => id === queueId)
    if (queue === undefined) return true
    const next = queue.take(input, this.now, this.#mail.fails())
    if (next === undefined) return false
    for (const effect of next.effects) {
      if (effect.type === 'reserve') {
        const { contact, reservation } = effect
        this.#mail.send(`reserve ${reservation.id}`, () =>
          this.#reserve(queue, reservation, contact.callId, contact.offer, contact.skills),
        )
      } else if (effect.type === 'cancel') {
        const { agentId, reservationId, reason } = effect
        this.#mail.send(`cancel ${reservationId}`, () =>
          this.#desks.act(agentId, { type: 'cancel-reservation', reservationId, reason }),
        )
      }
    }
    return true
  }

  #reserve(
    queue: SimQueue,
    reservation: { id: string; agentId: string; expiresAt: number },
    callId: string,
    offer: number,
    skills: readonly string[],
  ): boolean {
    const { id: reservationId, agentId, expiresAt } = reservation
    const kept = queue.book.contactOf(reservationId)?.reservation
    if (kept == null || kept.knownAt !== null) {
      if (kept == null)
        this.#desks.act(agentId, { type: 'cancel-reservation', reservationId, reason: 'gone' })
      return true
    }
    const unreached = this.#mail.fails()
    const input = {
      type: 'reserve',
      reservationId,
      callId,
      queueId: queue.id,
      offer,
      skills,
      expiresAt,
    } as const
    // A desk that cannot be reached may have been reached.
    const done =
      unreached && this.#random.chance(0.5) ? undefined : this.#desks.step(agentId, input)
    const version = this.#desks.get(agentId)?.version ?? 0
    const answer: DeskAnswer =
      unreached || done === undefined
        ? { reservationId, outcome: 'unreached', version: 0 }
        : { reservationId, outcome: done.refusal === undefined ? 'pending' : 'refused', version }
    // The answer may travel longer than other news.
    const deliver = () => this.#ask(queue.id, { type: 'answers', answers: [answer] })
    if (this.#mail.faults.reordered && this.#random.chance(0.3)) {
      this.#mail.send(`answer ${reservationId}`, deliver)
      return true
    }
    return deliver()
  }

  #firstDue(): { at: number; run: () => void } | undefined {
    let first: { at: number; run: () => void } | undefined
    const add = (at: number, run: () => void) => {
      if (first === undefined || at < first.at) first = { at, run }
    }
    for (const queue of this.queues) {
      const { wakeAt } = queue.state
      if (wakeAt !== null) add(wakeAt, () => void this.#wake(queue))
    }
    for (const { at, run } of this.#desks.due()) add(at, run)
    return first
  }

  #wake(queue: SimQueue): void {
    while (!this.#ask(queue.id, { type: 'wake' }));
  }
}

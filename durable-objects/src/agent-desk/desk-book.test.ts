import type { Contact } from '@menagerie/contracts'
import { ok } from '@menagerie/core'
import { describe, expect, test } from 'vitest'
import { JournalCore } from '../journal/journal-core.ts'
import { Crash, MemoryStorage } from '../journal/memory-storage.ts'
import { DeskBook } from './desk-book.ts'
import { deskDestinations } from './desk-destinations.ts'
import { freeOf } from './desk-standing.ts'
import type { DeskInput, DeskState } from './desk-state-types.ts'
import { createDeskTables } from './desk-tables.ts'
import { toTimerInput } from './desk-timers.ts'
import { reservationDocument } from './reservation-document.ts'

const start = 1_800_000_000_000
const agentId = '019aa5b8-7c00-7000-8000-000000000002'
const queueId = '019aa5b8-7c00-7000-8000-000000000003'

/** One desk, its queue and its rooms, and callers who ask until they are answered. */
class World {
  readonly storage = new MemoryStorage()
  readonly crashedAt: string[] = []
  now = start
  /** What the queue and the rooms were told, by what it is about. */
  readonly ended = new Map<string, string>()
  readonly accepted = new Set<string>()
  readonly worked = new Map<string, number>()
  standing = { version: 0, free: -1 }
  readonly activities = new Map<string, string>()
  #boot = 0
  #crashIn: number
  #book: DeskBook
  #core: JournalCore<DeskState>

  constructor(crashIn = 0) {
    this.#crashIn = crashIn
    this.storage.onPoint = (point) => {
      if (this.#crashIn === 0 || --this.#crashIn > 0) return
      this.crashedAt.push(point)
      throw new Crash(point)
    }
    ;[this.#core, this.#book] = this.#boots()
  }

  get state(): DeskState {
    const { state } = this.#book
    if (state === undefined) throw new Error('not opened')
    return state
  }

  /** Asked until it is answered, and once more. */
  ask(id: string, input: DeskInput): void {
    const asked = { actor: 'somebody', source: 'service', id, body: { type: input.type } } as const
    this.#twice(() => {
      this.#book.open(agentId)
      const taken = this.#book.take(asked, input, this.#document(input))
      expect(taken.ok && taken.value.outcome.refusal).toBeNull()
    })
  }

  /** Told until it is heard, and once more. */
  notice(input: DeskInput): void {
    this.#twice(() => {
      expect(this.#book.notice({ actor: 'room', source: 'service' }, input).ok).toBe(true)
    })
  }

  /** Everything that is due happens, also what a crash put off. */
  async settle(ms = 0): Promise<void> {
    this.now += ms
    for (let round = 0; round < 50; round++) {
      await this.#core.alarm(async (timer) => {
        const input = await toTimerInput(timer.name, this.state, {
          db: undefined as never,
          present: () => true,
          isJoined: async () => true,
        })
        this.#book.fire(timer, input)
      })
      this.#survive(() => undefined)
      const waits = this.storage.exec("SELECT 1 FROM outbox WHERE state = 'pending'").length
      const due = this.storage.exec('SELECT 1 FROM timers WHERE retry_at <= ?', this.now).length
      if (waits + due === 0) return
      this.now += 500
    }
    throw new Error('It never came to rest')
  }

  #document(input: DeskInput) {
    if (input.type !== 'reserve') return undefined
    const { reservationId, callId, offer, expiresAt } = input
    const contact: Contact = {
      callId,
      queueId,
      direction: 'inbound',
      from: '+12025550177',
      to: '+12025550100',
      priority: 50,
      skills: [],
      offeredAt: new Date(this.now).toISOString(),
      metadata: {},
    }
    const command = { reservationId, agentId, contact, offer, queueName: 'Support', expiresAt }
    return reservationDocument(command, [], this.now)
  }

  #twice(work: () => void): void {
    for (let answers = 0; answers < 2; )
      this.#survive(() => {
        work()
        answers += 1
      })
  }

  #survive(work: () => void): void {
    try {
      work()
    } catch (error) {
      if (!(error instanceof Crash)) throw error
    }
    if (!this.storage.dead) return
    this.storage.revive()
    ;[this.#core, this.#book] = this.#boots()
  }

  #boots(): [JournalCore<DeskState>, DeskBook] {
    const bootId = `boot-${this.#boot++}`
    const now = () => this.now
    const exec = this.storage.exec.bind(this.storage)
    const book: DeskBook = new DeskBook({ journal: () => core, exec, now })
    const destinations = deskDestinations(this.#around() as never, {
      state: () => book.state,
      takeListed: () => book.takeListed(),
      tell: (input) => {
        const noted = book.notice({ actor: 'room', source: 'service' }, input)
        if (!noted.ok) throw new Error(noted.error.code)
      },
      again: (destination, rows) => book.again(destination, rows),
      fault: () => undefined,
    })
    const core: JournalCore<DeskState> = new JournalCore<DeskState>(
      this.storage,
      { kind: 'agents', now, bootId, schema: [createDeskTables], destinations },
      { salt: () => '00'.repeat(16), random: () => 0 },
    )
    return [core, book]
  }

  /** The queue and the rooms, which act once on what they are told. */
  #around() {
    const queue = {
      agentChanged: async (told: { version: number; free: number }) => {
        if (told.version > this.standing.version) this.standing = told
        return ok(null)
      },
      reservationEnded: async (told: { reservationId: string; outcome: string }) => {
        // Told twice it is the same.
        expect(this.ended.get(told.reservationId) ?? told.outcome).toBe(told.outcome)
        this.ended.set(told.reservationId, told.outcome)
        return ok(null)
      },
    }
    const room = {
      agentAccepted: async ({ reservationId }: { reservationId: string }) => {
        this.accepted.add(reservationId)
        return ok(null)
      },
      afterContactWork: async ({ callId, seconds }: { callId: string; seconds: number }) => {
        this.worked.set(callId, seconds)
        return ok(null)
      },
    }
    const statement = { bind: () => statement, run: async () => ({}) }
    return {
      CONTACT_QUEUE: { getByName: () => queue },
      CALL_ROOM: { getByName: () => room },
      DB: { prepare: () => statement },
      HISTORY_QUEUE: {
        sendBatch: async (messages: { body: { id: string; data: { activity: string } } }[]) => {
          for (const { body } of messages) this.activities.set(body.id, body.data.activity)
        },
      },
    }
  }
}

async function live(crashIn = 0): Promise<World> {
  const world = new World(crashIn)
  const profile = {
    displayName: null,
    skills: [],
    queueIds: [queueId],
    capacity: 1,
    wrapUpSeconds: 10,
  }
  const reserve = (id: string) =>
    ({
      type: 'reserve',
      reservationId: id,
      callId: `call-${id}`,
      queueId,
      offer: 1,
      skills: [],
      expiresAt: world.now + 60_000,
    }) as const
  const presence = (seq: number, state: 'joined' | 'left') =>
    ({ type: 'presence', callId: 'call-r2', seq, state, queueId, at: world.now }) as const
  world.ask('configure', { type: 'configure', profile })
  world.notice({ type: 'connected' })
  world.ask('choose', { type: 'choose', name: 'available' })
  await world.settle()
  world.ask('r1', reserve('r1'))
  world.ask('reject', { type: 'reject', reservationId: 'r1' })
  await world.settle()
  world.ask('r2', reserve('r2'))
  world.ask('accept', { type: 'accept', reservationId: 'r2', connectionId: 'tab' })
  await world.settle()
  world.notice(presence(5, 'joined'))
  await world.settle()
  world.notice(presence(9, 'left'))
  world.notice(presence(5, 'joined'))
  await world.settle(11_000)
  return world
}

describe('a desk', () => {
  test('loses nothing and doubles nothing, wherever the process dies', async () => {
    const died = new Set<string>()
    // Every third point, for the time it takes: they come in pairs, before a write and after it, so both are met.
    for (let points = 2; ; points += 3) {
      const world = await live(points)
      expect(Object.fromEntries(world.ended)).toEqual({ r1: 'rejected', r2: 'accepted' })
      expect([...world.accepted]).toEqual(['r2'])
      expect([...world.worked.keys()]).toEqual(['call-r2'])
      expect([...world.activities.values()]).toEqual([
        'available',
        'busy',
        'after-contact-work',
        'available',
      ])
      expect(world.state).toMatchObject({ contacts: [], work: null, choice: 'available' })
      expect(freeOf(world.state)).toBe(1)
      // What the queue knows of the agent is what is.
      expect(world.standing).toMatchObject({ version: world.state.version, free: 1 })
      const [point] = world.crashedAt
      world.storage.close()
      if (point === undefined) break
      died.add(point)
    }
    for (const step of ['insert reservations', 'insert outbox', 'insert events', 'delete timers'])
      expect([...died]).toContain(`after ${step}`)
  })
})

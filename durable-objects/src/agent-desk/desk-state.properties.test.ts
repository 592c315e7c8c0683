import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { freeOf, taken } from './desk-standing.ts'
import type { DeskInput } from './desk-state-types.ts'
import { DeskWorld } from './desk-world.ts'

const capacity = fc.integer({ min: 1, max: 3 })

type Act =
  | { do: 'reserve'; seconds: number }
  | {
      do: 'accept' | 'reject' | 'cancel' | 'answer-room' | 'lose-room' | 'join' | 'leave'
      pick: number
    }
  | { do: 'repeat'; pick: number }
  | { do: 'choose'; name: 'offline' | 'available' | 'busy' | 'break' }
  | { do: 'connect' | 'disconnect' | 'sign-out' }
  | { do: 'wait' | 'outage'; ms: number }

const pick = fc.nat(50)
const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('reserve' as const),
      seconds: fc.integer({ min: 1, max: 60 }),
    }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('accept' as const), pick }) },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constantFrom(
        'reject',
        'cancel',
        'answer-room',
        'lose-room',
        'join',
        'leave',
        'repeat',
      ),
      pick,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('choose' as const),
      name: fc.constantFrom('offline', 'available', 'busy', 'break'),
    }),
  },
  { weight: 4, arbitrary: fc.constant({ do: 'choose', name: 'available' } as const) },
  {
    weight: 2,
    arbitrary: fc.constantFrom<Act>({ do: 'connect' }, { do: 'disconnect' }, { do: 'sign-out' }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom('wait', 'outage'),
      ms: fc.oneof(fc.integer({ min: 1, max: 40_000 }), fc.constant(31_000)),
    }),
  },
)

/** The rooms and queues around a desk: what they know is the truth that the desk must come to. */
class Around {
  readonly world: DeskWorld
  readonly #inputs: DeskInput[] = []
  /** Acceptances on their way to a room. */
  readonly #asking: { reservationId: string; callId: string }[] = []
  /** Of each call: the newest number, and whether the agent is in it. */
  readonly #rooms = new Map<string, { seq: number; joined: boolean }>()
  /** Words of rooms that have not arrived. */
  readonly #words: Extract<DeskInput, { type: 'presence' }>[] = []
  #count = 0

  constructor(places: number) {
    this.world = DeskWorld.ready({ capacity: places })
    this.world.joined = (callId) => this.#rooms.get(callId)?.joined ?? false
  }

  act(one: Act): void {
    const { world } = this
    switch (one.do) {
      case 'reserve': {
        const id = `r${++this.#count}`
        const before = freeOf(world.state)
        const step = world.reserve(id, `call-${id}`, one.seconds)
        expect(step.refusal === undefined).toBe(before > 0)
        return
      }
      case 'accept': {
        const reservation = at(this.#pending, one.pick)
        if (reservation === undefined) return
        const { id: reservationId, callId } = reservation
        const input = { type: 'accept', reservationId, connectionId: null } as const
        if (this.#take(input).refusal === undefined) this.#asking.push({ reservationId, callId })
        return
      }
      case 'reject': {
        const id = at(this.#pending, one.pick)?.id
        if (id !== undefined) this.#take({ type: 'reject', reservationId: id })
        return
      }
      case 'cancel': {
        const id = at(world.state.reservations, one.pick)?.id
        if (id !== undefined)
          this.#take({ type: 'cancel-reservation', reservationId: id, reason: 'gone' })
        return
      }
      case 'answer-room': {
        const asked = this.#next(one.pick)
        if (asked === undefined) return
        this.#tell(asked.callId, 'joined')
        this.#take({ type: 'acceptance-taken', reservationId: asked.reservationId })
        return
      }
      case 'lose-room': {
        const asked = this.#next(one.pick)
        if (asked === undefined) return
        this.#take({ type: 'acceptance-late', reservationId: asked.reservationId })
        return
      }
      case 'leave': {
        const here = [...this.#rooms].filter(([, { joined }]) => joined)
        const [callId] = at(here, one.pick) ?? []
        if (callId !== undefined) this.#tell(callId, 'left')
        return
      }
      case 'join': {
        // The word of a room arrives.
        const word = at(this.#words, one.pick)
        if (word === undefined) return
        this.#words.splice(this.#words.indexOf(word), 1)
        this.#take(word)
        return
      }
      case 'repeat': {
        const input = at(
          this.#inputs.filter(({ type }) => type === 'presence' || type.startsWith('acceptance')),
          one.pick,
        )
        if (input !== undefined) world.take(input)
        return
      }
      case 'choose':
        this.#take({ type: 'choose', name: one.name })
        return
      case 'connect':
        this.#take({ type: 'connected' })
        return
      case 'disconnect':
        this.#take({ type: 'disconnected' })
        return
      case 'sign-out':
        this.#take({ type: 'sign-out' })
        return
      case 'wait':
        world.advance(one.ms)
        return
      case 'outage':
        world.outage(one.ms)
        return
    }
  }

  /** Every word arrives, every call ends, every timer fires. */
  finish(): void {
    while (this.#asking.length > 0) this.act({ do: 'answer-room', pick: 0 })
    for (const [callId, { joined }] of this.#rooms) if (joined) this.#tell(callId, 'left')
    while (this.#words.length > 0) this.act({ do: 'join', pick: 0 })
    this.world.advance(10 * 60_000)
  }

  get #pending() {
    return this.world.state.reservations.filter(({ state }) => state === 'pending')
  }

  #next(number: number) {
    const asked = at(this.#asking, number)
    if (asked !== undefined) this.#asking.splice(this.#asking.indexOf(asked), 1)
    return asked
  }

  #tell(callId: string, state: 'joined' | 'left'): void {
    const seq = (this.#rooms.get(callId)?.seq ?? 0) + 1
    this.#rooms.set(callId, { seq, joined: state === 'joined' })
    this.#words.push({ type: 'presence', callId, seq, state, queueId: 'queue', at: this.world.now })
  }

  #take(input: DeskInput) {
    this.#inputs.push(input)
    return this.world.take(input)
  }
}

const at = <T>(list: readonly T[], number: number): T | undefined =>
  list.length === 0 ? undefined : list[number % list.length]

describe('whatever happens at a desk', () => {
  it('contacts and reservations of queues never take more than the capacity', () => {
    fc.assert(
      fc.property(capacity, fc.array(act, { maxLength: 80 }), (places, acts) => {
        const around = new Around(places)
        for (const one of acts) {
          around.act(one)
          const { state } = around.world
          const pending = state.reservations.filter((other) => other.state === 'pending').length
          expect(taken(state) + pending).toBeLessThanOrEqual(places)
          if (freeOf(state) > 0) expect(state.activity.name).toBe('available')
        }
      }),
      { numRuns: 500 },
    )
  })

  it('each reservation ends exactly once, and the queue hears of it once', () => {
    fc.assert(
      fc.property(capacity, fc.array(act, { maxLength: 80 }), (places, acts) => {
        const around = new Around(places)
        for (const one of acts) around.act(one)
        around.finish()
        const { world } = around
        for (const { data } of world.types('reservation.created')) {
          const ends = world.events.filter(
            (event) => /^reservation\.(?!created)/.test(event.type) && event.data.id === data.id,
          )
          const types = ends.map(({ type }) => type.slice('reservation.'.length)).join(' ')
          // Of two agents who accept at once one is told that the contact is gone.
          expect(types).toMatch(/^(accepted|rejected|timeout|canceled|accepted canceled)$/)
          const told = world.told.filter(
            (one) => one.type === 'queue.ended' && one.reservationId === data.id,
          )
          expect(told).toHaveLength(types === 'canceled' ? 0 : 1)
        }
      }),
      { numRuns: 500 },
    )
  })

  it('no place stays taken, no after-contact work stays, and the next activity is honoured', () => {
    fc.assert(
      fc.property(capacity, fc.array(act, { maxLength: 80 }), (places, acts) => {
        const around = new Around(places)
        for (const one of acts) around.act(one)
        const wanted = around.world.state.next?.name
        around.finish()
        const { state, timers } = around.world
        expect(taken(state)).toBe(0)
        expect(state.next).toBeNull()
        expect(state.work).toBeNull()
        expect(state.activity.name).toBe(state.choice)
        expect([...timers.keys()]).toEqual([])
        if (wanted !== undefined && around.world.types('reservation.timeout').length < 3)
          expect(state.activity.name).toBe(wanted)
        if (state.choice === 'available' && state.connected) expect(freeOf(state)).toBe(places)
      }),
      { numRuns: 500 },
    )
  })

  it('an outage takes nobody out, and whoever stays away is out soon after it', () => {
    fc.assert(
      fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
        const around = new Around(1)
        const { world } = around
        for (const one of acts) {
          const { connected, awaySince } = world.state
          around.act(one)
          if (one.do !== 'outage' || awaySince === null || !connected) continue
          const late = world.now - (awaySince + 15_000)
          // A timer that rings 2 s late may have done so on a busy machine.
          expect(world.state.connected).toBe(late < 0 || late > 2_000)
        }
        const { awaySince } = world.state
        world.advance(15_000)
        if (awaySince !== null) expect(world.state.connected).toBe(false)
      }),
      { numRuns: 500 },
    )
  })

  it('the words of rooms give the same contacts in any order and however often', () => {
    const told = fc
      .array(fc.record({ call: fc.constantFrom('a', 'b', 'c'), joined: fc.boolean() }), {
        maxLength: 12,
      })
      .map((words) =>
        words.map(({ call, joined }, index): DeskInput => {
          const state = joined ? 'joined' : 'left'
          return { type: 'presence', callId: call, seq: index + 1, state, queueId: null, at: 0 }
        }),
      )
    const shuffled = told.chain((words) =>
      fc.tuple(
        fc.constant(words),
        fc
          .shuffledSubarray(words, { minLength: words.length })
          .chain((some) =>
            fc
              .array(fc.nat(Math.max(0, words.length - 1)), { maxLength: 6 })
              .map((again) => [...some, ...again.flatMap((index) => words[index] ?? [])]),
          ),
      ),
    )
    fc.assert(
      fc.property(shuffled, ([inOrder, anyOrder]) => {
        const seen = [inOrder, anyOrder].map((words) => {
          const world = DeskWorld.ready({ capacity: 2 })
          for (const word of words) world.take(word)
          const { contacts, left } = world.state
          return {
            contacts: contacts.map(({ callId, seq }) => `${callId} ${seq}`).sort(),
            left: left.map(({ callId, seq }) => `${callId} ${seq}`).sort(),
            activity: world.state.activity.name,
            free: freeOf(world.state),
          }
        })
        expect(seen[1]).toEqual(seen[0])
      }),
      { numRuns: 300 },
    )
  })
})

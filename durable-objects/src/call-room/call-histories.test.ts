import { type FlowStep, isTerminal } from '@menagerie/contracts'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { JournalEvent } from '../journal/index.ts'
import { messagesOf } from './call-messages.ts'
import { hasEnded } from './call-phase.ts'
import { begin, obey, receive, step } from './call-state.ts'
import {
  type CallCommand,
  type CallDetails,
  type CallEffect,
  type CallInput,
  type CallJournalEvent,
  type CallState,
  type Commander,
  carrierStatuses,
  type Step,
} from './call-types.ts'
import { instructionsOf } from './instructions.ts'

const T0 = Date.parse('2026-11-22T10:00:00Z')
const callSid = 'CA1'
const user = (n: number) => `019aa5b8-7c00-7000-8000-00000000000${n}`
const [ada, bob, eve] = [user(1), user(2), user(3)] as const
const people = [ada, bob, eve]
const queueIds = [user(8), user(9)]
const phone = '+12025550101'
const other = '+12025550102'

const details = (part: Partial<CallDetails>): CallDetails => ({
  id: user(0),
  direction: 'outbound',
  from: '+12025550100',
  to: phone,
  queueId: null,
  agentId: null,
  startedBy: ada,
  ringTimeoutSeconds: 30,
  record: false,
  metadata: {},
  createdAt: T0,
  ...part,
})

const flow: FlowStep[] = [
  { type: 'say', text: 'Welcome' },
  { type: 'dial', to: `user:${bob}`, timeoutSeconds: 20 },
  { type: 'dial', to: other, timeoutSeconds: 20 },
  { type: 'enqueue', queueId: user(8) },
]
const inbound = { direction: 'inbound', startedBy: null, from: phone, to: '+12025550100' } as const
const beginnings = {
  outbound: () => begin(details({})),
  'outbound with a flow': () => begin(details({}), flow),
  'outbound into a queue': () => begin(details({}), flow.slice(3)),
  internal: () => begin(details({ direction: 'internal', from: `user:${ada}`, to: `user:${bob}` })),
  inbound: () => receive(details(inbound), callSid, flow),
  waiting: () => receive(details(inbound), callSid, flow.slice(3)),
  'inbound that only speaks': () => receive(details(inbound), callSid, flow.slice(0, 1)),
  'without a flow': () => receive(details(inbound), callSid, null),
} as const

/** Runs a call with everything around it: timers, and what leaves through the outbox. */
class World {
  state: CallState
  now = T0
  readonly events: CallJournalEvent[] = []
  readonly outbox: string[] = []
  readonly effects: CallEffect[] = []
  readonly timers = new Map<string, number>()

  constructor(first: Step) {
    this.state = first.state
    this.#take(first)
  }

  do(input: CallInput): this {
    return this.#took(step(this.#loaded(), input, this.now))
  }

  obey(command: CallCommand, userId: string): boolean {
    const by: Commander = {
      userId,
      connectionId: `${userId}-tab`,
      writes: true,
      oversees: userId === eve,
      managesQueues: userId === eve,
    }
    const next = obey(this.#loaded(), command, by, this.now)
    if (next.ok) this.#took(next.value)
    return next.ok
  }

  advance(ms: number): this {
    const until = this.now + ms
    for (;;) {
      const [next] = [...this.timers].sort((a, b) => a[1] - b[1])
      if (next === undefined || next[1] > until) break
      const [name, at] = next
      this.now = Math.max(this.now, at)
      this.timers.delete(name)
      const [kind, participantId = ''] = name.split(':')
      this.do(
        kind === 'gone'
          ? { type: 'timer.gone', participantId, present: false }
          : ({ type: `timer.${name}` } as CallInput),
      )
    }
    this.now = until
    return this
  }

  get statuses(): string[] {
    return this.events.flatMap((event) => (event.type === 'call.status' ? event.data.status : []))
  }

  /** Every step begins with what was stored: nothing survives in memory that a crash would take. */
  #loaded(): CallState {
    return JSON.parse(JSON.stringify(this.state)) as CallState
  }

  #took(next: Step): this {
    const ended = hasEnded(this.state)
    if (ended) for (const { type } of next.events) expect(type).toBe('call.updated')
    this.state = next.state
    this.#take(next)
    // What the carrier is told can always be said.
    if (instructionsOf(this.state).length === 0) throw new Error('The carrier is told nothing')
    return this
  }

  #take(next: Step): void {
    if (next.effects.filter(({ type }) => type.startsWith('carrier.')).length > 1)
      throw new Error('The carrier got two orders in one step')
    const before = this.events.length
    this.events.push(...next.events)
    const numbered = next.events.map(({ type, data }, index): JournalEvent => {
      const seq = before + index + 1
      const time = new Date(this.now).toISOString()
      return { seq, id: `calls/x:${seq}`, type, version: 1, time, actor: 'x', data }
    })
    const rows = messagesOf(next.state, numbered, next.effects, undefined)
    this.outbox.push(...rows.map(({ id, destination }) => `${destination} ${id}`))
    this.effects.push(...next.effects)
    for (const effect of next.effects) {
      if (effect.type === 'timer.set') this.timers.set(effect.name, effect.at)
      if (effect.type === 'timer.cancel') this.timers.delete(effect.name)
    }
  }
}

const userId = fc.constantFrom(...people)
const participantId = fc.constantFrom('p1', 'p2', 'p3', 'p4', 'p5')
const target = fc.constantFrom(
  ...people.map((id) => `user:${id}`),
  ...queueIds.map((id) => `queue:${id}`),
  other,
)
const command: fc.Arbitrary<CallCommand> = fc.oneof(
  { weight: 3, arbitrary: fc.constant<CallCommand>({ type: 'answer' }) },
  fc.constantFrom<CallCommand>(
    { type: 'reject' },
    { type: 'hangup' },
    { type: 'hold' },
    { type: 'resume' },
    { type: 'dtmf', digits: '12#' },
    { type: 'mute', muted: true },
    { type: 'disposition', disposition: 'sold', notes: 'a note' },
    { type: 'requeue' },
    { type: 'requeue', queueId: user(9), priority: 7 },
    { type: 'message', clientMessageId: 'a', body: 'hello' },
    { type: 'read', seq: 3 },
    { type: 'transfer', mode: 'complete' },
    { type: 'transfer', mode: 'cancel' },
    { type: 'resume', expectedStatus: 'on-hold' },
  ),
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('transfer' as const),
      mode: fc.constantFrom('blind' as const, 'attended' as const),
      to: target,
    }),
  },
  participantId.map((id): CallCommand => ({ type: 'remove', participantId: id })),
)
const input: fc.Arbitrary<CallInput> = fc.oneof(
  fc.record({
    type: fc.constant('carrier.report' as const),
    report: fc.record({
      callSid: fc.constantFrom(callSid, callSid, callSid, callSid, 'CA2'),
      status: fc.constantFrom('ringing' as const, 'in-progress' as const, ...carrierStatuses),
      rejected: fc.boolean(),
      durationSeconds: fc.option(fc.integer({ min: 0, max: 60 })),
    }),
  }),
  userId.map((id): CallInput => ({ type: 'user.present', userId: id, connectionId: `${id}-tab` })),
  userId.map((id): CallInput => ({ type: 'user.present', userId: id, connectionId: `${id}-two` })),
  userId.map((id): CallInput => ({ type: 'user.absent', userId: id })),
  fc.record({
    type: fc.constant('carrier.asked' as const),
    callSid: fc.constant(callSid),
    dial: fc.option(
      fc.record({
        participantId,
        status: fc.constantFrom(
          'answered' as const,
          'completed' as const,
          'busy' as const,
          'no-answer' as const,
        ),
      }),
    ),
  }),
  fc.record({
    type: fc.constant('agent.accepted' as const),
    acceptance: fc.record({
      callId: fc.constant(user(0)),
      offer: fc.integer({ min: 1, max: 3 }),
      reservationId: fc.constantFrom('r1', 'r2'),
      agentId: userId,
      queueId: fc.constantFrom(...queueIds),
      at: fc.constant(T0),
    }),
  }),
  fc.record({
    type: fc.constant('desk.rang' as const),
    number: fc.integer({ min: 1, max: 3 }),
    devices: fc.integer({ min: 0, max: 2 }),
  }),
  fc.record({
    type: fc.constant('work.done' as const),
    agentId: userId,
    seconds: fc.integer({ min: 0, max: 30 }),
  }),
  fc.constantFrom<CallInput>(
    { type: 'carrier.accepted', callSid },
    { type: 'carrier.refused' },
    { type: 'carrier.absent' },
    { type: 'carrier.lost' },
    { type: 'queue.missing', offer: 1 },
    { type: 'timer.gone', participantId: 'p1', present: true },
    { type: 'device.changed', participantId: 'p1', connectionId: 'another' },
  ),
)
type Happening =
  | { input: CallInput; times: number }
  | { command: CallCommand; by: string }
  | { ms: number }
const happening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ input, times: fc.integer({ min: 1, max: 2 }) }) },
  { weight: 5, arbitrary: fc.record({ command, by: userId }) },
  { weight: 1, arbitrary: fc.record({ ms: fc.integer({ min: 0, max: 40_000 }) }) },
)
const history = fc.record({
  kind: fc.constantFrom(...(Object.keys(beginnings) as (keyof typeof beginnings)[])),
  answeredAtOnce: fc.boolean(),
  happenings: fc.array(happening, { maxLength: 40 }),
})

function play(kind: keyof typeof beginnings, answeredAtOnce: boolean): World {
  const world = new World(beginnings[kind]())
  if (!answeredAtOnce) return world
  world.do({ type: 'user.present', userId: ada, connectionId: `${ada}-tab` })
  const report = { callSid, status: 'in-progress', rejected: false, durationSeconds: null } as const
  world.do({ type: 'carrier.report', report })
  world.obey({ type: 'answer' }, bob)
  return world
}

function happen(world: World, what: Happening): void {
  if ('ms' in what) world.advance(what.ms)
  else if ('command' in what) world.obey(what.command, what.by)
  else for (let n = 0; n < what.times; n++) world.do(what.input)
}

const rank: Record<string, number> = { queued: 0, ringing: 1, 'in-progress': 2, 'on-hold': 2 }

/** What cannot be at the same time. */
function contradiction({ ring, transfer, contact, flow, participants, phase }: CallState) {
  const isIn = (id: string | undefined) =>
    participants.some((one) => one.id === id && one.state === 'joined')
  const dials = flow !== null && flow.dialing !== null
  const asks = [ring !== null || transfer !== null, contact?.waits === true, dials]
  if (asks.filter(Boolean).length > 1) return 'it is fetched in two ways'
  if (ring !== null && isIn(ring.participantId)) return 'somebody rings who is in'
  if (transfer === null)
    return ring?.why === 'transfer' || ring?.why === 'consult' ? 'a ring for nothing' : undefined
  if (transfer.mode === 'blind') {
    if (transfer.toPhone) return ring === null ? undefined : 'a phone and a user are both fetched'
    return ring?.participantId === transfer.target ? undefined : 'a transfer that waits for nothing'
  }
  if (transfer.stage === 'ringing')
    return ring?.why === 'consult' ? undefined : 'somebody is asked who does not ring'
  if (ring !== null || phase.status !== 'on-hold') return 'talk goes on beside the question'
  return isIn(transfer.by) && isIn(transfer.target) ? undefined : 'nobody asks or answers'
}

describe('whatever webhooks, people, desks, queues, timers and crashes do to a call', () => {
  test('it ends once, every status follows from the one before, and only call.updated comes after', () => {
    fc.assert(
      fc.property(history, ({ kind, answeredAtOnce, happenings }) => {
        const world = play(kind, answeredAtOnce)
        for (const what of happenings) happen(world, what)
        // Nothing more is heard of anybody: time alone ends the call.
        world.advance(5 * 60 * 60_000)
        expect(hasEnded(world.state)).toBe(true)
        const { statuses } = world
        expect(statuses.filter((status) => isTerminal(status as never))).toHaveLength(1)
        const ranks = statuses.map((status) => rank[status] ?? 3)
        expect(ranks).toEqual([...ranks].sort((a, b) => a - b))
        let before = 'queued'
        for (const event of world.events) {
          if (event.type !== 'call.status') continue
          expect(event.data.previousStatus).toBe(before)
          expect(event.data.status).not.toBe(before)
          before = event.data.status
        }
        expect(world.timers.size).toBe(0)
      }),
      { numRuns: 600 },
    )
  })

  test('joined comes before left, every id of the outbox is new, and the carrier gets one order a step', () => {
    fc.assert(
      fc.property(history, ({ kind, answeredAtOnce, happenings }) => {
        const world = play(kind, answeredAtOnce)
        for (const what of happenings) happen(world, what)
        world.advance(5 * 60 * 60_000)
        expect(new Set(world.outbox).size).toBe(world.outbox.length)
        const inside = new Set<string>()
        for (const { type, data } of world.events) {
          if (type === 'participant.joined') {
            expect(inside.has(data.id)).toBe(false)
            inside.add(data.id)
          }
          if (type === 'participant.updated') expect(inside.has(data.id)).toBe(true)
          if (type === 'participant.left') expect(inside.delete(data.id)).toBe(true)
        }
        expect(inside.size).toBe(0)
      }),
      { numRuns: 400 },
    )
  })

  test('nothing rings, waits or is handed over in a call that has ended, and desks and queues were told', () => {
    fc.assert(
      fc.property(history, ({ kind, answeredAtOnce, happenings }) => {
        const world = play(kind, answeredAtOnce)
        for (const what of happenings) happen(world, what)
        world.advance(5 * 60 * 60_000)
        const { ring, transfer, contact } = world.state
        expect([ring, transfer, contact?.waits ?? false]).toEqual([null, null, false])
        const of = (type: CallEffect['type']) => world.effects.filter((one) => one.type === type)
        expect(of('desk.stop')).toHaveLength(of('desk.ring').length)
        // Each wait is over by an answer, by a withdrawal, or since there is no such queue.
        const offers = world.effects.flatMap((one) =>
          one.type === 'queue.offer' ? [one.contact.offer] : [],
        )
        expect(offers).toEqual(offers.map((_, index) => index + 1))
        const withdrawn = world.effects.flatMap((one) =>
          one.type === 'queue.withdraw' ? [one.contact.offer] : [],
        )
        expect(new Set(withdrawn).size).toBe(withdrawn.length)
        expect(withdrawn.every((offer) => offers.includes(offer))).toBe(true)
      }),
      { numRuns: 600 },
    )
  })

  test('a call never hangs between two people: whoever is fetched is fetched for one reason, by something that ends', () => {
    fc.assert(
      fc.property(history, ({ kind, answeredAtOnce, happenings }) => {
        const world = play(kind, answeredAtOnce)
        for (const what of happenings) {
          happen(world, what)
          expect(contradiction(world.state)).toBeUndefined()
          if (world.state.ring !== null) expect(world.timers.has('user-ring')).toBe(true)
        }
      }),
      { numRuns: 600 },
    )
  })

  test('of all acceptances of one wait a single one wins', () => {
    fc.assert(
      fc.property(history, ({ happenings }) => {
        const world = play('waiting', false)
        const winners: string[] = []
        for (const what of happenings) {
          const before = world.state.contact
          happen(world, what)
          const { contact } = world.state
          if (contact?.acceptedAt != null && contact.acceptedAt !== before?.acceptedAt)
            winners.push(`${contact.offer}`)
        }
        expect(new Set(winners).size).toBe(winners.length)
      }),
      { numRuns: 600 },
    )
  })
})

test('an agent who is in the call already, and takes it out of its queue, joins once', () => {
  const world = play('outbound into a queue', true)
  const { contact } = world.state
  expect(contact?.waits).toBe(true)
  const acceptance = {
    callId: user(0),
    offer: 1,
    reservationId: 'r1',
    agentId: ada,
    queueId: user(8),
    at: T0,
  }
  world.do({ type: 'agent.accepted', acceptance })
  const joined = world.events.filter(
    ({ type, data }) => type === 'participant.joined' && 'address' in data && data.address === ada,
  )
  expect(joined).toHaveLength(1)
  expect(world.state).toMatchObject({ agentId: ada, phase: { status: 'in-progress' } })
})

import { isTerminal } from '@menagerie/contracts'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type CallInput, type CarrierReport, carrierStatuses } from './call-inputs.ts'
import type { CallJournalEvent, Step } from './call-outputs.ts'
import { hasEnded } from './call-phase.ts'
import { begin, step } from './call-state.ts'
import type { CallDetails, CallState } from './call-types.ts'

const T0 = Date.parse('2026-11-21T10:00:00Z')
const sid = 'CA00000000000000000000000000000001'
const starter = '019aa5b8-7c00-7000-8000-000000000002'
const details: CallDetails = {
  id: '019aa5b8-7c00-7000-8000-000000000001',
  direction: 'outbound',
  from: '+12025550100',
  to: '+12025550101',
  queueId: null,
  agentId: null,
  startedBy: starter,
  ringTimeoutSeconds: 30,
  record: false,
  metadata: {},
  createdAt: T0,
}

/** Runs rules and timers of a call on a clock of its own. */
class Run {
  state: CallState
  now = T0
  events: CallJournalEvent[] = []
  orders: string[] = []
  readonly timers = new Map<string, number>()

  constructor() {
    const first = begin(details)
    this.state = first.state
    this.#take(first)
  }

  do(input: CallInput): this {
    const next = step(this.state, input, this.now)
    this.state = next.state
    this.#take(next)
    return this
  }

  carrier(status: CarrierReport['status'], more: Partial<CarrierReport> = {}): this {
    const report = { callSid: sid, status, rejected: false, durationSeconds: null, ...more }
    return this.do({ type: 'carrier.report', report })
  }

  /** Turns the clock and fires what is due on the way. */
  advance(ms: number): this {
    const until = this.now + ms
    for (;;) {
      const [next] = [...this.timers].sort((a, b) => a[1] - b[1])
      if (next === undefined || next[1] > until) break
      const [name, at] = next
      this.now = Math.max(this.now, at)
      this.timers.delete(name)
      const [kind, participantId] = name.split(':')
      this.do(
        kind === 'gone'
          ? { type: 'timer.gone', participantId: participantId ?? '', present: false }
          : ({ type: `timer.${name}` } as CallInput),
      )
    }
    this.now = until
    return this
  }

  get statuses(): string[] {
    return this.events.flatMap((event) => (event.type === 'call.status' ? event.data.status : []))
  }

  get reason(): string | undefined {
    return 'reason' in this.state.phase ? this.state.phase.reason : undefined
  }

  #take(next: Step): void {
    this.events.push(...next.events)
    for (const effect of next.effects) {
      switch (effect.type) {
        case 'timer.set':
          this.timers.set(effect.name, effect.at)
          break
        case 'timer.cancel':
          this.timers.delete(effect.name)
          break
        case 'carrier.place':
        case 'carrier.hangup':
        case 'carrier.check':
        case 'carrier.redirect':
        case 'carrier.digits':
          this.orders.push(effect.type)
          break
        case 'desk.ring':
        case 'desk.stop':
        case 'queue.offer':
        case 'queue.withdraw':
          break
      }
    }
  }
}

const run = () => new Run()

describe('a call', () => {
  test('goes from queued over ringing and in-progress to completed', () => {
    const call = run().carrier('ringing').carrier('in-progress').carrier('completed')
    expect(call.statuses).toEqual(['ringing', 'in-progress', 'completed'])
    expect(call.reason).toBe('remote_hangup')
    expect(call.orders).toEqual(['carrier.place'])
    expect(call.timers.size).toBe(0)
  })

  test('that rings until its timeout is no-answer, and the carrier is told', () => {
    const call = run().carrier('ringing').advance(29_999)
    expect(call.statuses).toEqual(['ringing'])
    call.advance(1)
    expect([call.statuses.at(-1), call.reason]).toEqual(['no-answer', 'ring_timeout'])
    expect(call.orders).toEqual(['carrier.place', 'carrier.hangup'])
  })

  test('whose carrier stays silent is failed at ring timeout + 5 s', () => {
    const call = run().advance(34_999)
    expect(call.statuses).toEqual([])
    call.advance(1)
    expect([call.statuses, call.reason]).toEqual([['failed'], 'carrier_silent'])
  })

  test('that begins to ring after its timeout rings on for the grace only', () => {
    const call = run().advance(31_000).carrier('ringing').advance(3_999)
    expect(call.statuses).toEqual(['ringing'])
    expect(call.advance(1).statuses.at(-1)).toBe('no-answer')
  })

  test('that the callee declines is busy with the reason rejected', () => {
    const call = run().carrier('ringing').carrier('busy', { rejected: true })
    expect([call.statuses.at(-1), call.reason]).toEqual(['busy', 'rejected'])
  })

  test('hung up before an answer is canceled, with or without the carrier', () => {
    const confirmed = run().carrier('ringing').do({ type: 'hangup' }).carrier('canceled')
    const alone = run().carrier('ringing').do({ type: 'hangup' }).advance(5_000)
    const oddly = run().carrier('ringing').do({ type: 'hangup' }).carrier('completed')
    for (const call of [confirmed, alone, oddly])
      expect([call.statuses.at(-1), call.reason]).toEqual(['canceled', 'hangup'])
  })

  test('hung up just before a timeout is canceled all the same', () => {
    const silent = run().advance(34_000).do({ type: 'hangup' }).advance(5_000)
    const ringing = run().carrier('ringing').advance(29_000).do({ type: 'hangup' }).advance(5_000)
    for (const call of [silent, ringing])
      expect([call.statuses.at(-1), call.reason]).toEqual(['canceled', 'hangup'])
  })

  test('hung up after the answer is completed, with or without the carrier', () => {
    const confirmed = run().carrier('in-progress').do({ type: 'hangup' }).carrier('completed')
    const alone = run().carrier('in-progress').do({ type: 'hangup' }).advance(5_000)
    for (const call of [confirmed, alone])
      expect([call.statuses.at(-1), call.reason]).toEqual(['completed', 'hangup'])
  })

  test('is hung up at the carrier once, however often somebody asks', () => {
    const call = run().carrier('ringing').do({ type: 'hangup' }).do({ type: 'hangup' })
    expect(call.orders).toEqual(['carrier.place', 'carrier.hangup'])
  })

  test('given up by the room is hung up again when the carrier goes on with it', () => {
    const call = run().advance(35_000).carrier('in-progress')
    expect(call.statuses).toEqual(['failed'])
    expect(call.orders).toEqual(['carrier.place', 'carrier.hangup', 'carrier.hangup'])
  })

  test('counts as answered when completed overtakes the answer', () => {
    const call = run().advance(10_000).carrier('completed', { durationSeconds: 4 })
    expect(call.state.phase).toMatchObject({ status: 'completed', answeredAt: T0 + 6_000 })
  })

  test('has a second leg at the carrier hung up and takes nothing from it', () => {
    const call = run().carrier('ringing').carrier('in-progress', { callSid: 'CA2' })
    expect(call.statuses).toEqual(['ringing'])
    expect(call.orders.at(-1)).toBe('carrier.hangup')
  })

  test('that the carrier refuses to place has failed', () => {
    const call = run().do({ type: 'carrier.refused' })
    expect([call.statuses, call.reason]).toEqual([['failed'], 'carrier_refused'])
  })

  test('is asked about at the carrier while it runs, and ends at four hours', () => {
    const call = run()
      .carrier('in-progress')
      .advance(4 * 60 * 60_000 + 5_000)
    expect(call.orders.filter((order) => order === 'carrier.check').length).toBe(120)
    expect([call.statuses.at(-1), call.reason]).toEqual(['completed', 'time_limit'])
  })
})

describe('participants', () => {
  const kinds = (call: Run) => call.events.map(({ type }) => type)

  test('join once however many sockets they open, and leave 15 s after the last', () => {
    const call = run()
      .do({ type: 'user.present', userId: starter })
      .do({ type: 'user.present', userId: starter })
      .do({ type: 'user.absent', userId: starter })
      .advance(14_999)
    expect(kinds(call)).toEqual(['call.created', 'participant.joined'])
    expect(kinds(call.advance(1)).slice(2)).toEqual(['participant.left', 'call.status'])
  })

  test('who come back within 15 s have not left', () => {
    const call = run()
      .do({ type: 'user.present', userId: starter })
      .do({ type: 'user.absent', userId: starter })
      .advance(14_000)
      .do({ type: 'user.present', userId: starter })
      .advance(10_000)
    expect(kinds(call)).toEqual(['call.created', 'participant.joined'])
  })

  test('all leave before the last status', () => {
    const call = run()
      .do({ type: 'user.present', userId: starter })
      .carrier('in-progress')
      .carrier('completed')
    expect(kinds(call)).toEqual([
      'call.created',
      'participant.joined',
      'participant.joined',
      'call.status',
      'participant.left',
      'participant.left',
      'call.status',
    ])
  })

  test('are the people of the call only: a supervisor who looks in is none', () => {
    const call = run().do({ type: 'user.present', userId: 'somebody-else' })
    expect(kinds(call)).toEqual(['call.created'])
  })
})

const report = fc.record({
  callSid: fc.constantFrom(sid, sid, sid, 'CA2'),
  status: fc.constantFrom(...carrierStatuses),
  rejected: fc.boolean(),
  durationSeconds: fc.option(fc.integer({ min: 0, max: 60 })),
})
const move = fc.oneof(
  { weight: 6, arbitrary: fc.record({ type: fc.constant('carrier.report' as const), report }) },
  fc.constantFrom<CallInput>(
    { type: 'carrier.accepted', callSid: sid },
    { type: 'carrier.refused' },
    { type: 'carrier.absent' },
    { type: 'carrier.lost' },
    { type: 'hangup' },
    { type: 'user.present', userId: starter },
    { type: 'user.absent', userId: starter },
    { type: 'timer.gone', participantId: 'p1', present: false },
  ),
  fc.integer({ min: 0, max: 40_000 }),
)
const rank = { queued: 0, ringing: 1, 'in-progress': 2, 'on-hold': 2 } as Record<string, number>

test('no interleaving of webhooks, commands and timers gives two terminal statuses, none, or a step back', () => {
  fc.assert(
    fc.property(fc.array(move, { maxLength: 40 }), (moves) => {
      const call = run()
      for (const next of moves) {
        if (typeof next === 'number') call.advance(next)
        else call.do(next)
      }
      // Whatever happened so far, time alone ends the call.
      call.advance(5 * 60 * 60_000)
      const { statuses } = call
      const ranks = statuses.map((status) => rank[status] ?? 3)
      expect(ranks).toEqual([...ranks].sort((a, b) => a - b))
      expect(new Set(statuses).size).toBe(statuses.length)
      expect(statuses.filter((status) => isTerminal(status as never))).toHaveLength(1)
      expect(call.events.at(-1)?.type).toBe('call.status')
      expect(call.timers.size).toBe(0)
      expect(hasEnded(call.state)).toBe(true)
      checkPresence(call.events)
    }),
    { numRuns: 2000 },
  )
})

test('each status names the one before it', () => {
  fc.assert(
    fc.property(fc.array(move, { maxLength: 40 }), (moves) => {
      const call = run()
      for (const next of moves) typeof next === 'number' ? call.advance(next) : call.do(next)
      let before = 'queued'
      for (const event of call.events) {
        if (event.type !== 'call.status') continue
        expect(event.data.previousStatus).toBe(before)
        before = event.data.status
      }
    }),
    { numRuns: 500 },
  )
})

test('an answered call never ends busy, unanswered or canceled', () => {
  fc.assert(
    fc.property(fc.array(move, { maxLength: 40 }), (moves) => {
      const call = run().carrier('in-progress')
      for (const next of moves) typeof next === 'number' ? call.advance(next) : call.do(next)
      call.advance(5 * 60 * 60_000)
      expect(['completed', 'failed']).toContain(call.statuses.at(-1))
    }),
    { numRuns: 500 },
  )
})

/** Joined before left, in turns. */
function checkPresence(events: readonly CallJournalEvent[]): void {
  const inside = new Set<string>()
  for (const event of events) {
    switch (event.type) {
      case 'participant.joined':
        expect(inside.has(event.data.id)).toBe(false)
        inside.add(event.data.id)
        break
      case 'participant.left':
        expect(inside.delete(event.data.id)).toBe(true)
        break
      case 'participant.updated':
        expect(inside.has(event.data.id)).toBe(true)
        break
      case 'call.created':
      case 'call.status':
      case 'call.updated':
      case 'message.created':
      case 'message.status':
        break
    }
  }
  expect(inside.size).toBe(0)
}

import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Destination, FiredTimer, JournalOptions } from '../journal/index.ts'
import { timerInput } from '../journal/index.ts'
import { JournalCore } from '../journal/journal-core.ts'
import { Crash, MemoryStorage } from '../journal/memory-storage.ts'
import { hasEnded, order } from './call-phase.ts'
import { begin, step } from './call-state.ts'
import type { CallDetails, CallInput, CallState, CarrierOrder } from './call-types.ts'
import { carrierDesk, createPlacingTable, createPressingTable } from './carrier-desk.ts'
import {
  type Carrier,
  CarrierAway,
  type Found,
  type Placed,
  type Pressed,
} from './carriers/carrier.ts'
import { decisionOf } from './decision.ts'
import { toTimerInput } from './timer-inputs.ts'

const T0 = Date.parse('2026-11-21T10:00:00Z')
const details: CallDetails = {
  id: '019aa5b8-7c00-7000-8000-000000000001',
  direction: 'outbound',
  from: '+12025550100',
  to: '+12025550101',
  queueId: null,
  agentId: null,
  startedBy: '019aa5b8-7c00-7000-8000-000000000002',
  // Long enough for the outbox to come back after every fault.
  ringTimeoutSeconds: 600,
  record: false,
  metadata: {},
  createdAt: T0,
}

/** What may become of one request to the carrier. */
type Fault =
  | 'fine'
  | 'request lost'
  | 'answer lost'
  | 'too busy'
  | 'refused'
  | 'crash before'
  | 'crash after'

/** A carrier whose line is bad, and which keeps the token of an order as the lab's does. */
class BadLine implements Carrier {
  readonly calls: { sid: string; live: boolean }[] = []
  faults: Fault[] = []
  readonly #storage: MemoryStorage

  constructor(storage: MemoryStorage) {
    this.#storage = storage
  }

  async place(): Promise<Placed> {
    const fault = this.#next()
    if (fault === 'too busy') return { outcome: 'busy', retryAfterSeconds: 2 }
    if (fault === 'refused') return { outcome: 'refused', detail: 'no' }
    if (fault === 'request lost') return { outcome: 'unsure', detail: 'no answer' }
    const sid = `CA${this.calls.length + 1}`
    this.calls.push({ sid, live: true })
    this.#crash(fault === 'crash after')
    if (fault === 'answer lost') return { outcome: 'unsure', detail: 'no answer' }
    return { outcome: 'placed', callSid: sid }
  }

  /** Keeps no token of ours, as Twilio: a call to the same number may be this one or another. */
  forgetsTokens = false
  searches = 0

  async find(): Promise<Found> {
    this.searches += 1
    if (this.#next() !== 'fine') throw new CarrierAway('no answer')
    const [call] = this.calls
    if (call !== undefined && this.forgetsTokens) return { outcome: 'unsure' }
    return call === undefined
      ? ({ outcome: 'none' } as const)
      : ({ outcome: 'found', callSid: call.sid } as const)
  }

  async fetch() {
    return undefined
  }

  async hangUp(callSid: string): Promise<void> {
    const fault = this.#next()
    if (fault === 'request lost' || fault === 'too busy') throw new CarrierAway('no answer')
    for (const call of this.calls) if (call.sid === callSid) call.live = false
    this.#crash(fault === 'crash after')
    if (fault === 'answer lost') throw new CarrierAway('no answer')
  }

  redirects = 0

  async redirect(): Promise<void> {
    const fault = this.#next()
    if (fault === 'request lost') throw new CarrierAway('no answer')
    if (fault === 'too busy') throw new CarrierAway('too busy', { retryAfterSeconds: 2 })
    this.redirects += 1
    this.#crash(fault === 'crash after')
    if (fault === 'answer lost') throw new CarrierAway('no answer')
  }

  readonly pressed: string[] = []

  async digits(_sid: string, _callId: string, digits: string): Promise<Pressed> {
    const fault = this.#next()
    if (fault === 'too busy') throw new CarrierAway('too busy', { retryAfterSeconds: 2 })
    if (fault === 'request lost') return 'unsure'
    if (fault === 'refused') return 'refused'
    this.pressed.push(digits)
    this.#crash(fault === 'crash after')
    return fault === 'answer lost' ? 'unsure' : 'sent'
  }

  #next(): Fault {
    const fault = this.faults.shift() ?? 'fine'
    this.#crash(fault === 'crash before')
    return fault
  }

  #crash(now: boolean): void {
    if (now) {
      const before = this.#storage.onPoint
      this.#storage.onPoint = (point) => {
        throw new Crash(point)
      }
      try {
        this.#storage.point('at the carrier')
      } finally {
        this.#storage.onPoint = before
      }
    }
  }
}

/** A room without its shell: the journal, the desk and the rules, on a clock that is turned by hand. */
class Room {
  now = T0
  readonly storage = new MemoryStorage()
  readonly carrier = new BadLine(this.storage)
  #core = this.#open()
  #inputs = 0

  start(): void {
    const input = { actor: 'agent', source: 'http', id: 'start', body: {} }
    this.#core.create(details.id, input, () => decisionOf(begin(details), null))
  }

  tell(input: CallInput): void {
    this.#guard(() =>
      this.#core.apply(
        { actor: 'test', source: 'test', id: String(this.#inputs++), body: {} },
        (state, now) => decisionOf(step(state, input, now), null),
      ),
    )
  }

  /** Gives the carrier an order, as rules do. */
  order(wanted: CarrierOrder): void {
    this.#guard(() =>
      this.#core.apply(
        { actor: 'test', source: 'test', id: String(this.#inputs++), body: {} },
        (state) => decisionOf(order(wanted)(state), null),
      ),
    )
  }

  /** The callee has answered. */
  async talking(): Promise<void> {
    this.start()
    await this.pass(100)
    const report = { callSid: 'CA1', rejected: false, durationSeconds: null }
    this.tell({ type: 'carrier.report', report: { ...report, status: 'in-progress' } })
  }

  /** Lets time pass and rings every alarm on the way; a process that died comes back. */
  async pass(ms: number): Promise<void> {
    const until = this.now + ms
    for (;;) {
      this.#reviveWhenDead()
      const at = this.storage.alarmAt
      if (at === null || at > until) break
      this.now = Math.max(this.now, at)
      this.storage.alarmAt = null
      try {
        await this.#core.alarm((timer) => this.#ring(timer))
      } catch (error) {
        if (!(error instanceof Crash)) throw error
      }
    }
    this.now = until
  }

  get state(): CallState {
    this.#reviveWhenDead()
    const { state } = this.#core
    if (state === undefined) throw new Error('The room was not opened')
    return state
  }

  #ring(timer: FiredTimer): void {
    const input = toTimerInput(timer.name, () => false)
    this.#core.apply(timerInput(timer), (state, now) => decisionOf(step(state, input, now), null))
  }

  #guard(work: () => void): void {
    this.#reviveWhenDead()
    work()
  }

  #reviveWhenDead(): void {
    if (!this.storage.dead) return
    this.storage.revive()
    // The platform keeps an alarm that did not end well and rings it again.
    this.storage.alarmAt ??= this.now
    this.#core = this.#open()
  }

  #open(): JournalCore<CallState> {
    const taken: Destination = { delivery: 'confirmed', batchSize: 100, send: async () => {} }
    const options: JournalOptions<CallState> = {
      kind: 'calls',
      now: () => this.now,
      bootId: 'boot',
      schema: [createPlacingTable, createPressingTable],
      destinations: {
        history: taken,
        rules: taken,
        webhooks: taken,
        projection: taken,
        carrier: carrierDesk({
          carrier: this.carrier,
          exec: (sql, ...bindings) => this.storage.exec(sql, ...bindings),
          now: () => this.now,
          state: () => this.#core.state,
          tell: (input) => this.tell(input),
        }),
      },
    }
    return new JournalCore(this.storage, options, {
      salt: () => '00'.repeat(16),
      random: () => 0.5,
    })
  }
}

const faults = fc.array(
  fc.constantFrom<Fault>(
    'fine',
    'request lost',
    'answer lost',
    'too busy',
    'crash before',
    'crash after',
  ),
  { maxLength: 8 },
)

test('however bad the line, a phone rings once, and once the line is good it does ring', async () => {
  await fc.assert(
    fc.asyncProperty(faults, async (bad) => {
      const room = new Room()
      room.carrier.faults = [...bad]
      room.start()
      await room.pass(590_000)
      expect(room.carrier.calls).toHaveLength(1)
      expect(room.state.leg.callSid).toBe('CA1')
      room.storage.close()
    }),
    { numRuns: 150 },
  )
})

test('a call that is hung up at any moment is not left running at the carrier', async () => {
  await fc.assert(
    fc.asyncProperty(faults, fc.integer({ min: 0, max: 20_000 }), async (bad, after) => {
      const room = new Room()
      room.carrier.faults = [...bad]
      room.start()
      await room.pass(after)
      room.tell({ type: 'hangup' })
      await room.pass(30 * 60_000)
      expect(room.carrier.calls.length).toBeLessThanOrEqual(1)
      expect(room.carrier.calls.some(({ live }) => live)).toBe(false)
      expect(hasEnded(room.state)).toBe(true)
      expect(room.state.phase.status).toBe('canceled')
      room.storage.close()
    }),
    { numRuns: 150 },
  )
})

test('an order that the carrier refuses ends the call at once', async () => {
  const room = new Room()
  room.carrier.faults = ['refused']
  room.start()
  await room.pass(100)
  expect(room.state.phase).toMatchObject({ status: 'failed', reason: 'carrier_refused' })
  expect(room.carrier.calls).toHaveLength(0)
})

test('a call that is hung up before it was dialled is canceled at once and never dialled', async () => {
  const room = new Room()
  room.start()
  room.tell({ type: 'hangup' })
  await room.pass(100)
  expect(room.state.phase.status).toBe('canceled')
  expect(room.carrier.calls).toHaveLength(0)
})

test('a carrier that asks for patience is not asked again before', async () => {
  const room = new Room()
  room.carrier.faults = ['too busy']
  room.start()
  await room.pass(1_900)
  expect(room.carrier.calls).toHaveLength(0)
  await room.pass(10_000)
  expect(room.carrier.calls).toHaveLength(1)
})

test('an order whose outcome nobody can tell is given up an hour after the end of the call', async () => {
  const room = new Room()
  room.carrier.forgetsTokens = true
  room.carrier.faults = ['answer lost']
  room.start()
  await room.pass(10_000)
  room.tell({ type: 'hangup' })
  await room.pass(2 * 60 * 60_000)
  const { searches } = room.carrier
  expect(searches).toBeGreaterThan(10)
  await room.pass(24 * 60 * 60_000)
  expect(room.carrier.searches).toBe(searches)
  expect(room.carrier.calls).toHaveLength(1)
  expect(room.storage.alarmAt).toBeNull()
})

test('keys are pressed once at most, however bad the line', async () => {
  await fc.assert(
    fc.asyncProperty(faults, async (bad) => {
      const room = new Room()
      await room.talking()
      room.carrier.faults = [...bad]
      room.order({ type: 'carrier.digits', digits: '12#' })
      await room.pass(60_000)
      expect(room.carrier.pressed.length).toBeLessThanOrEqual(1)
      if (bad.length === 0) expect(room.carrier.pressed).toEqual(['12#'])
      room.storage.close()
    }),
    { numRuns: 150 },
  )
})

test('keys are pressed in their order, also when the carrier asks for patience', async () => {
  const room = new Room()
  await room.talking()
  room.carrier.faults = ['too busy']
  room.order({ type: 'carrier.digits', digits: '1' })
  room.order({ type: 'carrier.digits', digits: '2' })
  await room.pass(1_900)
  expect(room.carrier.pressed).toEqual([])
  await room.pass(9_000)
  expect(room.carrier.pressed).toEqual(['1', '2'])
})

test('keys never overtake each other', async () => {
  await fc.assert(
    fc.asyncProperty(faults, async (bad) => {
      const room = new Room()
      await room.talking()
      room.carrier.faults = [...bad]
      for (const digits of ['1', '2', '3']) room.order({ type: 'carrier.digits', digits })
      await room.pass(60_000)
      expect(room.carrier.pressed).toEqual([...room.carrier.pressed].sort())
      expect(new Set(room.carrier.pressed).size).toBe(room.carrier.pressed.length)
      room.storage.close()
    }),
    { numRuns: 150 },
  )
})

test('keys that could not be pressed in time are not pressed any more', async () => {
  const room = new Room()
  await room.talking()
  room.carrier.faults = Array<Fault>(20).fill('too busy')
  room.order({ type: 'carrier.digits', digits: '1' })
  await room.pass(60_000)
  room.carrier.faults = []
  await room.pass(10 * 60_000)
  expect(room.carrier.pressed).toEqual([])
})

test('a redirect gets through in the end, and asks for nothing in a call that is over', async () => {
  await fc.assert(
    fc.asyncProperty(faults, async (bad) => {
      const room = new Room()
      await room.talking()
      room.carrier.faults = [...bad]
      room.order({ type: 'carrier.redirect' })
      await room.pass(110_000)
      expect(room.carrier.redirects).toBeGreaterThanOrEqual(1)
      const { redirects } = room.carrier
      room.carrier.faults = []
      const report = { callSid: 'CA1', rejected: false, durationSeconds: null }
      room.tell({ type: 'carrier.report', report: { ...report, status: 'completed' } })
      room.order({ type: 'carrier.redirect' })
      await room.pass(10_000)
      expect(room.carrier.redirects).toBe(redirects)
      room.storage.close()
    }),
    { numRuns: 100 },
  )
})

test('a redirect that fails does not keep the order to hang up waiting', async () => {
  const room = new Room()
  await room.talking()
  room.carrier.faults = ['request lost', 'request lost', 'request lost']
  room.order({ type: 'carrier.redirect' })
  room.tell({ type: 'hangup' })
  await room.pass(10_000)
  expect(room.carrier.redirects).toBe(0)
  expect(room.carrier.calls.some(({ live }) => live)).toBe(false)
})

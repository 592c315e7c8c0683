import type { CallCommand, CallInput } from '../../src/call-room/call-inputs.ts'
import type { CarrierOrder } from '../../src/call-room/call-outputs.ts'
import { order } from '../../src/call-room/call-phase.ts'
import { begin, obey, step } from '../../src/call-room/call-state.ts'
import type { CallDetails, CallState } from '../../src/call-room/call-types.ts'
import {
  addLegToPlacingTable,
  carrierDesk,
  createPlacingTable,
  createPressingTable,
} from '../../src/call-room/carrier-desk.ts'
import {
  type Carrier,
  CarrierAway,
  type Found,
  type PlaceCall,
  type Placed,
  type Pressed,
} from '../../src/call-room/carriers/carrier.ts'
import { decisionOf } from '../../src/call-room/decision.ts'
import { toTimerInput } from '../../src/call-room/timer-inputs.ts'
import type { Destination, FiredTimer, JournalOptions } from '../../src/journal/index.ts'
import { timerInput } from '../../src/journal/index.ts'
import { JournalCore } from '../../src/journal/journal-core.ts'
import { Crash, MemoryStorage } from '../../src/journal/memory-storage.ts'

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
export type Fault =
  | 'fine'
  | 'request lost'
  | 'answer lost'
  | 'too busy'
  | 'refused'
  | 'crash before'
  | 'crash after'

/** A carrier whose line is bad, and which keeps the token of an order as the lab's does. */
export class BadLine implements Carrier {
  readonly calls: { sid: string; live: boolean; leg: string | undefined }[] = []
  faults: Fault[] = []
  readonly #storage: MemoryStorage

  constructor(storage: MemoryStorage) {
    this.#storage = storage
  }

  async place({ leg }: PlaceCall): Promise<Placed> {
    const fault = this.#next()
    if (fault === 'too busy') return { outcome: 'busy', retryAfterSeconds: 2 }
    if (fault === 'refused') return { outcome: 'refused', detail: 'no' }
    if (fault === 'request lost') return { outcome: 'unsure', detail: 'no answer' }
    const sid = `CA${this.calls.length + 1}`
    this.calls.push({ sid, live: true, leg })
    this.#crash(fault === 'crash after')
    if (fault === 'answer lost') return { outcome: 'unsure', detail: 'no answer' }
    return { outcome: 'placed', callSid: sid }
  }

  /** Keeps no token of ours, as Twilio: a call to the same number may be this one or another. */
  forgetsTokens = false
  searches = 0

  async find({ leg }: PlaceCall): Promise<Found> {
    this.searches += 1
    if (this.#next() !== 'fine') throw new CarrierAway('no answer')
    const call = this.calls.find((one) => one.leg === leg)
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
export class Room {
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

  /** The starter, who is in the call, asks for something. */
  obey(command: CallCommand): void {
    const userId = details.startedBy ?? ''
    const by = { userId, connectionId: null, writes: true, oversees: false, managesQueues: false }
    this.#guard(() =>
      this.#core.apply(
        { actor: userId, source: 'test', id: String(this.#inputs++), body: {} },
        (state, now) => {
          const next = obey(state, command, by, now)
          if (!next.ok) throw new Error(next.error.detail)
          return decisionOf(next.value, null)
        },
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
      schema: [createPlacingTable, createPressingTable, addLegToPlacingTable],
      destinations: {
        history: taken,
        rules: taken,
        webhooks: taken,
        projection: taken,
        desk: taken,
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

import { JournalCore } from '../../src/journal/journal-core.ts'
import { Crash, MemoryStorage } from '../../src/journal/memory-storage.ts'
import { timerInput } from '../../src/journal/timers.ts'
import type {
  Decision,
  Destination,
  FiredTimer,
  JournalEvent,
  JournalInput,
  OutboxEntry,
} from '../../src/journal/types.ts'
import { checkPromises } from './promises.ts'
import { Receivers } from './receivers.ts'
import {
  type Answer,
  assert,
  type Core,
  type Counter,
  type Decide,
  type Op,
  type Outcome,
  type Plan,
  type Request,
  type Variation,
} from './world-types.ts'

/** A crash ends the work and is no failure of the test. */
function unlessCrashed(work: () => void): void {
  try {
    work()
  } catch (error) {
    if (!(error instanceof Crash)) throw error
  }
}

/**
 * One object, its receivers and its clients, with a clock turned by hand. `run` performs operations under faults;
 * `settle` switches the faults off, lets everything come to rest and checks the promises.
 */
export class World {
  readonly storage = new MemoryStorage()
  /** Points at which the process died. */
  readonly crashedAt: string[] = []
  /** Points that were passed. */
  passed = 0
  /** Work a planted bug has put off; dies with the process. */
  deferred: (() => void)[] = []
  readonly #variation: Variation
  #core: Core
  #now = 1_750_000_000_000
  #boot = 0
  #random = 1
  #messages = 0
  #crashIn = 0
  readonly #receivers: Receivers
  readonly #answers = new Map<string, { variant: number; outcome: string }>()
  readonly #unanswered = new Map<string, Request>()
  readonly #log: JournalEvent[] = []
  readonly #erased = new Set<number>()

  constructor(variation: Variation = {}) {
    this.#variation = variation
    this.#receivers = new Receivers(this.storage, variation.receiversDropKnownIds !== false)
    this.storage.onPoint = (point) => this.#pass(point)
    this.#core = this.#boots()
  }

  async run(ops: readonly Op[]): Promise<void> {
    for (const op of ops) {
      await this.#perform(op)
      await this.#afterwards()
    }
  }

  /** Faults off, on to rest, then the promises. */
  async settle(): Promise<void> {
    this.#crashIn = 0
    this.#receivers.failing.clear()
    if (this.#variation.clientsRetry !== false)
      for (const request of [...this.#unanswered.values()]) await this.#request(request)
    await this.#afterwards()
    for (let round = 0; !this.#atRest(); round++) {
      assert(round < 500, 'what waits leaves once faults have stopped')
      assert(this.storage.alarmAt !== null, 'the alarm is set while something waits')
      await this.#alarm()
      this.#receivers.consume()
      await this.#afterwards()
    }
    if (this.#core.exists)
      checkPromises({
        core: this.#core,
        storage: this.storage,
        log: this.#log,
        answers: this.#answers,
        effects: this.#receivers.effects,
        erased: this.#erased,
        receiversDropKnownIds: this.#variation.receiversDropKnownIds !== false,
      })
  }

  #reboot(): void {
    unlessCrashed(() => {
      this.#core = this.#boots()
    })
  }

  #boots(): Core {
    const { storage, destination } = this.#variation
    const wrap = (inner: Destination): Destination => destination?.(this.storage, inner) ?? inner
    const core: Core = new JournalCore<Counter>(
      storage?.(this.storage) ?? this.storage,
      {
        kind: 'things',
        now: () => this.#now,
        bootId: `boot-${this.#boot}`,
        destinations: {
          sink: wrap({
            delivery: 'confirmed',
            batchSize: 2,
            send: async (rows) => this.#receivers.takeAtSink(rows),
          }),
          queue: wrap({
            delivery: 'resend',
            batchSize: 3,
            send: async (rows) => this.#receivers.takeAtQueue(rows),
          }),
        },
        schema: [(exec) => void exec('CREATE TABLE marks (key TEXT NOT NULL)')],
        ...(this.#variation.retention ? { retention: this.#variation.retention } : {}),
      },
      {
        salt: () => (this.#random++).toString(16).padStart(32, '0'),
        random: () => {
          this.#random = (this.#random * 1_103_515_245 + 12_345) % 2_147_483_648
          return this.#random / 2_147_483_648
        },
      },
    )
    return core
  }

  async #perform(op: Op): Promise<void> {
    switch (op.op) {
      case 'request':
        return this.#request(op.request)
      case 'alarm':
        return this.#alarm()
      case 'advance':
        return this.#turn(this.#now + op.ms)
      case 'consume':
        return this.#receivers.consume()
      case 'restart':
        this.#boot += 1
        this.#receivers.forgetQueue()
        this.deferred = []
        return this.#reboot()
      case 'evict':
        this.deferred = []
        return this.#reboot()
      case 'fail':
        if (op.on) this.#receivers.failing.add(op.what)
        else this.#receivers.failing.delete(op.what)
        return
      case 'crash':
        this.#crashIn = op.points
        return
      case 'replay':
        return this.#checkReplay(op.after, op.limit)
      case 'erase':
        return unlessCrashed(() => {
          this.#core.erase((event) => {
            if (event.seq % op.every !== 0) return false
            this.#erased.add(event.seq)
            return true
          })
        })
    }
  }

  /** Lets what runs beside come to an end, brings a dead process back, and reads on. */
  async #afterwards(): Promise<void> {
    for (let turn = 0; turn < 5; turn++) await Promise.resolve()
    if (this.storage.dead) {
      this.storage.revive()
      this.#crashIn = 0
      await this.#perform({ op: 'restart' })
      for (let turn = 0; turn < 5; turn++) await Promise.resolve()
    }
    for (const work of this.deferred.splice(0)) unlessCrashed(work)
    if (this.storage.dead) return this.#afterwards()
    this.#readOn()
  }

  async #request(request: Request): Promise<void> {
    const { key, variant, plan } = request
    const input: JournalInput = {
      actor: 'someone',
      source: 'http',
      id: key,
      body: { variant },
      traceparent: '00-trace',
    }
    this.#unanswered.set(`${key}/${variant}`, request)
    let answer: Answer
    try {
      answer = this.#ask(input, (state, now) => this.#decide(state, now, key, plan))
      this.storage.point('before answer')
    } catch (error) {
      if (error instanceof Crash) return
      throw error
    }
    this.#unanswered.delete(`${key}/${variant}`)
    const before = this.#answers.get(key)
    if (!answer.ok) {
      assert(answer.error.code === 'idempotency_mismatch', `a request got ${answer.error.code}`)
      return
    }
    const outcome = JSON.stringify(answer.value.outcome)
    if (before !== undefined) {
      assert(before.variant === variant, 'a known key with another body is a mismatch')
      assert(before.outcome === outcome, 'a repeat gets the first outcome')
    }
    this.#answers.set(key, { variant, outcome })
  }

  #ask(input: JournalInput, decide: Decide): Answer {
    const core = this.#core
    if (!core.exists) {
      const made = core.create('one', { ...input, id: 'create' }, () => ({
        state: { decided: 0 },
        events: [],
        outcome: { decided: 0 },
      }))
      if (!made.ok) return made
    }
    return this.#variation.ask?.(this, core, input, decide) ?? core.apply(input, decide)
  }

  #decide(state: Counter, now: number, key: string, plan: Plan): Decision<Counter, Outcome> {
    const decided = state.decided + 1
    const { timer, to } = plan
    const count = timer === undefined ? plan.events : Math.max(1, plan.events)
    return {
      state: { decided },
      events: Array.from({ length: count }, (_, index) => ({
        type: 'done',
        data: {
          key,
          count,
          to,
          ...(timer !== undefined && index === 0 ? { timer: timer.name } : {}),
        },
      })),
      outcome: { decided },
      outbox: (events) => events.flatMap((event) => this.#messagesOf(event, to)),
      timers: timer
        ? [{ type: 'timer.set', name: timer.name, at: now + timer.delayMs, data: key }]
        : [],
      save: () => void this.storage.exec('INSERT INTO marks VALUES (?)', key),
    }
  }

  #messagesOf(event: JournalEvent, to: Plan['to']): OutboxEntry[] {
    return to.map((destination) => ({
      id: this.#variation.randomMessageIds ? `m${this.#messages++}` : `${event.id}.${destination}`,
      destination,
      body: { event: event.id },
    }))
  }

  #fired(timer: FiredTimer): void {
    this.storage.point('before timer')
    if (this.#receivers.failing.has('handler')) throw new Error('the handler fails')
    this.#core.apply(timerInput(timer), (state) => ({
      state,
      events: [{ type: 'fired', data: { name: timer.name, generation: timer.generation } }],
      outcome: null,
    }))
    this.storage.point('after timer')
  }

  async #alarm(): Promise<void> {
    if (this.storage.alarmAt === null) return
    this.#turn(this.storage.alarmAt)
    this.storage.alarmAt = null
    await this.#core.alarm((timer) => this.#fired(timer))
  }

  /** A queue that runs delivers within a minute; what it holds is lost only when it ends. */
  #turn(to: number): void {
    if (to - this.#now > 60_000) this.#receivers.consume()
    this.#now = Math.max(this.#now, to)
  }

  /** Follows the journal as a client does: what was once shown stays. */
  #readOn(): void {
    const page = this.#core.replay(this.#log.length, 1000)
    if (!page.ok) return
    assert(page.value.head >= this.#log.length, 'the journal never goes back')
    assert(page.value.complete, 'the follower is never overtaken here')
    for (const event of page.value.events) {
      assert(event.seq === this.#log.length + 1, 'numbers have no gap')
      assert(event.id === `things/one:${event.seq}`, 'an id is object and number')
      this.#log.push(event)
    }
    assert(page.value.head === this.#log.length, 'the head is the last event')
  }

  #checkReplay(after: number, limit: number): void {
    const page = this.#core.replay(after, limit)
    if (!page.ok) return
    const { events, head, base, complete } = page.value
    assert(complete === after >= base, 'a page says whether it is complete')
    const first = Math.max(after, base) + 1
    const count = Math.max(0, Math.min(limit, head - first + 1))
    assert(events.length === count, `a page after ${after} has ${count} events`)
    events.forEach((event, index) => {
      assert(event.seq === first + index, 'a page has no gap')
    })
  }

  #rows(sql: string): number {
    return this.storage.exec<{ n: number }>(`SELECT count(*) AS n FROM ${sql}`)[0]?.n ?? 0
  }

  #atRest(): boolean {
    if (!this.#core.exists) return true
    return this.#receivers.queueIsEmpty && this.#rows('outbox') + this.#rows('timers') === 0
  }

  #pass(point: string): void {
    this.passed += 1
    if (this.#crashIn === 0) return
    this.#crashIn -= 1
    if (this.#crashIn > 0) return
    this.crashedAt.push(point)
    throw new Crash(point)
  }
}

import type { CloudEvent } from '@menagerie/contracts'
import type { JsonObject } from '@menagerie/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { JournalCore } from '../journal/journal-core.ts'
import { Crash, MemoryStorage } from '../journal/memory-storage.ts'
import type { Destination } from '../journal/types.ts'
import { ConversationRecords } from './conversation-records.ts'
import { createConversationTables } from './conversation-tables.ts'
import type { ConversationState, MessageReport, MessageState } from './conversation-types.ts'
import { type MessageCarrier, MessageCarrierAway, type Taken } from './message-carrier.ts'
import { messageDesk } from './message-desk.ts'
import { readUpTo, refuseMessage, reportMessage, ringMessage } from './message-progress.ts'
import { receiveMessage, sendMessage } from './message-writing.ts'
import type { ProjectedConversation } from './projection.ts'

const start = 1_800_000_000_000
const customer = '+12025550101'
const line = '+12025550100'
const details = { id: '019aa5b8-7c00-8000-8000-000000000001', channel: 'sms', customer } as const
const agent = '019aa5b8-7c00-7000-8000-000000000002'
const idOf = (n: number) => `019aa5b8-7c00-7000-8000-${String(n).padStart(12, '0')}`

/** What befalls the next requests to the carrier, one each. */
type Fault = 'none' | 'request-lost' | 'answer-lost' | 'busy' | 'broken'

/** A carrier without tokens, as Twilio is: what it took stays taken, whatever we heard. */
class FakeCarrier implements MessageCarrier {
  readonly taken: { sid: string; body: string; at: number; status: MessageReport['status'] }[] = []
  /** Callbacks on their way. */
  readonly callbacks: { messageId: string; report: MessageReport }[] = []
  faults: Fault[] = []
  isBroken = false
  readonly #now: () => number

  constructor(now: () => number) {
    this.#now = now
  }

  async send({ messageId, body }: { messageId: string; body: string }): Promise<Taken> {
    const fault = this.isBroken ? 'broken' : (this.faults.shift() ?? 'none')
    if (fault === 'busy') return { outcome: 'busy', retryAfterSeconds: 2 }
    if (fault === 'request-lost' || fault === 'broken') return { outcome: 'unsure', detail: fault }
    if (body.startsWith('refuse')) return { outcome: 'refused', reason: 'carrier_21211' }
    const sid = `SM${this.taken.length}`
    this.taken.push({ sid, body, at: this.#now(), status: 'queued' })
    for (const status of ['sent', 'delivered'] as const)
      this.callbacks.push({ messageId, report: { sid, status, reason: null } })
    if (fault === 'answer-lost') return { outcome: 'unsure', detail: fault }
    return { outcome: 'accepted', report: { sid, status: 'queued', reason: null } }
  }

  async find({ body }: { body: string }, since: number): Promise<MessageReport[]> {
    if (this.isBroken || this.faults[0] === 'broken') {
      this.faults.shift()
      throw new MessageCarrierAway('broken')
    }
    return this.taken
      .filter((one) => one.body === body && one.at >= since - 60_000)
      .map(({ sid, status }) => ({ sid, status, reason: null }))
  }

  async fetch(sid: string): Promise<MessageReport | undefined> {
    const one = this.taken.find((known) => known.sid === sid)
    return one && { sid, status: one.status, reason: null }
  }
}

/** One conversation with its carrier, and clients that ask until they are answered. */
class World {
  readonly storage = new MemoryStorage()
  readonly crashedAt: string[] = []
  readonly carrier = new FakeCarrier(() => this.now)
  readonly told = new Map<string, CloudEvent>()
  readonly answers = new Map<string, number>()
  row: ProjectedConversation | undefined
  now = start
  #boot = 0
  #crashIn: number
  #core: JournalCore<ConversationState>
  records: ConversationRecords

  constructor(crashIn = 0) {
    this.#crashIn = crashIn
    this.storage.onPoint = (point) => {
      if (this.#crashIn === 0 || --this.#crashIn > 0) return
      this.crashedAt.push(point)
      throw new Crash(point)
    }
    ;[this.#core, this.records] = this.#boots()
  }

  get core(): JournalCore<ConversationState> {
    return this.#core
  }

  /** The process dies so many writes from now. */
  crashIn(points: number): void {
    this.#crashIn = points
  }

  /** The client asks until it is answered. */
  send(clientMessageId: string, body: string, sendAt: number | null = null): void {
    this.untilAnswered(() => {
      const content = { body, mediaUrls: [], clientMessageId, sendAt }
      const written = {
        id: idOf(this.storage.exec('SELECT 1 FROM sqlite_master').length * 1000 + this.#ids++),
        direction: 'outbound' as const,
        from: line,
        to: customer,
        author: agent,
        content,
      }
      const asked = { actor: agent, source: 'http', id: written.id } as const
      const sent = sendMessage(this.records, details, written, asked)
      if (!sent.ok) throw new Error(sent.error.code)
      const { id, seq } = sent.value.message
      expect(this.answers.get(id) ?? seq).toBe(seq)
      this.answers.set(id, seq)
    })
  }
  #ids = 0

  receive(sid: string, body: string): void {
    this.untilAnswered(() => {
      const id = idOf(900_000 + Number(sid.slice(2)))
      const about = { id, conversationId: details.id, channel: 'sms' as const, sid }
      const inbound = { ...about, from: customer, to: line, body, mediaUrls: [] }
      expect(receiveMessage(this.records, inbound, {}).ok).toBe(true)
    })
  }

  /** One of the callbacks that are on their way, which may come again. */
  callBack(pick: number, repeat: boolean): void {
    const { callbacks } = this.carrier
    const at = callbacks.length === 0 ? -1 : pick % callbacks.length
    const callback = callbacks[at]
    if (callback === undefined) return
    if (!repeat) callbacks.splice(at, 1)
    this.untilAnswered(() => {
      const told = reportMessage(this.records, callback.messageId, callback.report)
      expect(told.ok).toBe(true)
    })
  }

  read(upToSeq: number): void {
    if (!this.#core.exists) return
    const asked = { actor: agent, source: 'socket', id: `read-${this.#ids++}` } as const
    this.untilAnswered(() => expect(readUpTo(this.records, 'staff', upToSeq, asked).ok).toBe(true))
  }

  resolve(): void {
    if (!this.#core.exists) return
    const asked = { actor: agent, source: 'http', id: `resolve-${this.#ids++}` } as const
    this.untilAnswered(() => {
      this.records.change(asked, { type: 'resolve' }, () => null)
    })
  }

  async alarm(): Promise<void> {
    await this.#core.alarm((timer) => ringMessage(this.records, timer))
    this.#revive()
  }

  /** Lets everything that waits happen, however far away it is. */
  async settle(): Promise<void> {
    this.#crashIn = 0
    this.carrier.faults = []
    if (!this.#core.exists) return
    for (let round = 0; round < 300; round++) {
      while (this.carrier.callbacks.length > 0) this.callBack(0, false)
      const waits = this.storage.exec("SELECT 1 FROM outbox WHERE state = 'pending'").length
      const timers = this.storage.exec('SELECT 1 FROM timers').length
      if (waits + timers + this.carrier.callbacks.length === 0) return
      this.now = Math.max(this.now, this.storage.alarmAt ?? this.now) + 1
      await this.alarm()
    }
    throw new Error('It never came to rest')
  }

  messages(): MessageState[] {
    return this.storage
      .exec<{ document: string }>('SELECT document FROM messages ORDER BY seq')
      .map(({ document }) => JSON.parse(document) as MessageState)
  }

  untilAnswered(ask: () => void): void {
    for (;;) {
      try {
        ask()
        // It may have died after its answer.
        this.#revive()
        return
      } catch (error) {
        if (!(error instanceof Crash)) throw error
        this.#revive()
      }
    }
  }

  #revive(): void {
    if (!this.storage.dead) return
    this.storage.revive()
    ;[this.#core, this.records] = this.#boots()
  }

  #boots(): [JournalCore<ConversationState>, ConversationRecords] {
    const now = () => this.now
    const exec: MemoryStorage['exec'] = (sql, ...bindings) => this.storage.exec(sql, ...bindings)
    const to = (take: (body: JsonObject) => void): Destination => ({
      delivery: 'confirmed',
      batchSize: 100,
      send: async (rows) => {
        for (const { body } of rows) take(body)
      },
    })
    const core = new JournalCore<ConversationState>(
      this.storage,
      {
        kind: 'conversations',
        now,
        bootId: `boot-${this.#boot++}`,
        schema: [createConversationTables],
        destinations: {
          history: to((body) => this.#tell(body)),
          rules: to(() => undefined),
          webhooks: to(() => undefined),
          projection: to((body) => this.#project(body)),
          carrier: messageDesk({
            carrier: this.carrier,
            conversationId: () => details.id,
            exec,
            now,
            message: (id) => this.records.message(id),
            isKnown: (sid) => this.records.messageOf(sid) !== undefined,
            report: (id, report) => {
              reportMessage(this.records, id, report)
            },
            refuse: (id, reason) => refuseMessage(this.records, id, reason),
          }),
        },
      },
      { salt: () => '00'.repeat(16), random: () => 0.5 },
    )
    return [core, new ConversationRecords({ journal: core, exec, now, moved: () => undefined })]
  }

  #tell(body: JsonObject): void {
    const event = body as unknown as CloudEvent
    const known = this.told.get(event.id)
    // The same id is the same event.
    if (known !== undefined) expect(event).toEqual(known)
    this.told.set(event.id, event)
  }

  #project(body: JsonObject): void {
    const row = body as unknown as ProjectedConversation
    if (row.seq > (this.row?.seq ?? 0)) this.row = row
  }
}

const forward = [
  ...['queued sent', 'queued delivered', 'sent delivered', 'received read'],
  ...['queued failed', 'sent failed'],
]

/** What must hold of a conversation that has come to rest. */
function check(world: World): void {
  if (!world.core.exists) return
  const messages = world.messages()
  const events = world.core.events(0, 10_000)
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, i) => i + 1))
  const clientIds = messages.flatMap(({ clientMessageId }) => clientMessageId ?? [])
  expect(new Set(clientIds).size).toBe(clientIds.length)
  const created = events.filter(({ type }) => type === 'message.created')
  expect(created.map(({ data, seq }) => [data?.id, seq])).toEqual(
    messages.map(({ id, seq }) => [id, seq]),
  )
  for (const { id, status } of messages) {
    const path = events.flatMap(({ type, data }) =>
      type === 'message.status' && data?.id === id ? [data] : [],
    )
    let at = created.find(({ data }) => data?.id === id)?.data?.status as MessageState['status']
    for (const { status: next, previousStatus } of path) {
      expect(previousStatus).toBe(at)
      expect(forward).toContain(`${at} ${next}`)
      at = next as MessageState['status']
    }
    expect(at).toBe(status)
  }
  // The customer got every text once, and those that were refused not at all.
  const outbound = messages.filter(({ direction }) => direction === 'outbound')
  const arrived = outbound.filter(({ status }) => status === 'delivered')
  expect(world.carrier.taken.map(({ body }) => body).toSorted()).toEqual(
    arrived.map(({ body }) => body).toSorted(),
  )
  expect(new Set(arrived.map(({ carrierSid }) => carrierSid)).size).toBe(arrived.length)
  for (const { body, status, reason } of outbound)
    expect([status, reason]).toEqual(
      body.startsWith('refuse') ? ['failed', 'carrier_21211'] : ['delivered', null],
    )
  const unread = messages.filter(({ status }) => status === 'received').length
  expect(world.core.state?.unread).toBe(unread)
  expect(world.row).toMatchObject({ seq: events.length, unread, status: world.core.state?.status })
  expect(world.told.size).toBe(
    events.filter(({ type }) => type === 'message.created' || type === 'message.status').length,
  )
}

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('send' as const), n: fc.nat(5) }) },
  fc.record({
    do: fc.constant('later' as const),
    n: fc.nat(2),
    wait: fc.integer({ min: 1, max: 90_000 }),
  }),
  { weight: 2, arbitrary: fc.record({ do: fc.constant('receive' as const), n: fc.nat(4) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('callback' as const),
      n: fc.nat(50),
      repeat: fc.boolean(),
    }),
  },
  fc.record({ do: fc.constant('read' as const), n: fc.nat(30) }),
  fc.record({ do: fc.constant('resolve' as const) }),
  { weight: 5, arbitrary: fc.record({ do: fc.constant('alarm' as const), ms: fc.nat(20_000) }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('crash' as const), n: fc.integer({ min: 1, max: 30 }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('fault' as const),
      fault: fc.constantFrom<Fault>('request-lost', 'answer-lost', 'busy', 'broken'),
    }),
  },
)

describe('a conversation', () => {
  test('sends each clientMessageId once and only moves forward, whatever is repeated, reordered or dies', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40 }), async (steps) => {
        const world = new World()
        // The same text under other ids: only the carrier's id tells them apart.
        const bodyOf = (n: number) => (n === 5 ? 'refuse me' : `text ${n % 3}`)
        for (const one of steps) {
          if (one.do === 'send') world.send(`c${one.n}`, bodyOf(one.n))
          if (one.do === 'later') {
            const known =
              world.core.exists && world.messages().find((m) => m.clientMessageId === `l${one.n}`)
            world.send(`l${one.n}`, 'later', known ? known.sendAt : world.now + one.wait)
          }
          if (one.do === 'receive') world.receive(`SI${one.n}`, `hello ${one.n}`)
          if (one.do === 'callback') world.callBack(one.n, one.repeat)
          if (one.do === 'read') world.read(one.n)
          if (one.do === 'resolve') world.resolve()
          if (one.do === 'crash') world.crashIn(one.n)
          if (one.do === 'fault') world.carrier.faults.push(one.fault)
          if (one.do === 'alarm') {
            world.now += one.ms
            await world.alarm()
          }
        }
        await world.settle()
        check(world)
        world.storage.close()
      }),
      { numRuns: 300 },
    )
  })

  test('loses nothing and doubles nothing, wherever the process dies', async () => {
    const died = new Set<string>()
    for (let points = 1; ; points++) {
      const world = new World(points)
      world.send('a', 'first')
      await world.alarm()
      world.send('a', 'first')
      world.receive('SI1', 'hello')
      world.send('b', 'later', start + 60_000)
      world.resolve()
      world.callBack(1, true)
      const [point] = world.crashedAt
      await world.settle()
      check(world)
      world.storage.close()
      if (point === undefined) break
      died.add(point)
    }
    for (const place of ['insert messages', 'insert sending', 'insert outbox', 'insert events'])
      expect(
        [...died].some((point) => point.includes(place)),
        place,
      ).toBe(true)
  })

  test('asks the carrier before it sends again what may have arrived', async () => {
    const world = new World()
    world.carrier.faults = ['answer-lost']
    world.send('a', 'first')
    await world.alarm()
    expect(world.messages()[0]).toMatchObject({ status: 'queued', carrierSid: null })
    await world.settle()
    expect(world.carrier.taken).toHaveLength(1)
    check(world)
  })

  test('fails a message that no carrier takes for a day', async () => {
    const world = new World()
    world.carrier.isBroken = true
    world.send('a', 'first')
    for (let round = 0; round < 200 && world.messages()[0]?.status === 'queued'; round++) {
      world.now += 600_000
      await world.alarm()
    }
    expect(world.messages()[0]).toMatchObject({ status: 'failed', reason: 'carrier_unsure' })
    expect(world.now - start).toBeGreaterThan(86_400_000)
  })

  test('fails a message that its carrier took and never told of', async () => {
    const world = new World()
    world.send('a', 'first')
    await world.alarm()
    world.carrier.callbacks.length = 0
    await world.settle()
    expect(world.messages()[0]).toMatchObject({ status: 'failed', reason: 'carrier_silent' })
  })

  test('asks the carrier how a message stands that nobody tells of', async () => {
    const world = new World()
    world.send('a', 'first')
    await world.alarm()
    world.carrier.callbacks.length = 0
    for (const one of world.carrier.taken) one.status = 'delivered'
    await world.settle()
    expect(world.messages()[0]).toMatchObject({ status: 'delivered' })
    expect(world.now - start).toBeLessThan(120_000)
  })

  test('takes another text under a known clientMessageId for a mistake', () => {
    const world = new World()
    world.send('a', 'first')
    expect(() => world.send('a', 'second')).toThrow('idempotency_mismatch')
    expect(world.messages()).toHaveLength(1)
  })

  test('keeps what a scheduled message says until its time', async () => {
    const world = new World()
    world.send('a', 'surprise', start + 3_600_000)
    const [waiting] = world.core.events(0, 10).slice(-1)
    expect(waiting).toMatchObject({ type: 'message.updated', data: { status: 'queued' } })
    expect(JSON.stringify(world.core.events(0, 10))).not.toContain('surprise')
    expect(world.records.list(null, 10)).toEqual([])
    await world.settle()
    expect(world.records.list(null, 10)).toMatchObject([{ body: 'surprise', status: 'delivered' }])
    expect(world.carrier.taken[0]?.at).toBeGreaterThanOrEqual(start + 3_600_000)
    check(world)
  })

  test('opens again with the next message', () => {
    const world = new World()
    world.receive('SI1', 'hello')
    world.resolve()
    expect(world.core.state?.status).toBe('resolved')
    world.receive('SI1', 'hello')
    expect(world.core.state?.status).toBe('resolved')
    world.receive('SI2', 'still there?')
    expect(world.core.state).toMatchObject({ status: 'open', unread: 2, line })
  })
})

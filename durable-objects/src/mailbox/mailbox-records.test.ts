import type { CloudEvent } from '@menagerie/contracts'
import type { JsonObject } from '@menagerie/core'
import { describe, expect, test } from 'vitest'
import { JournalCore } from '../journal/journal-core.ts'
import { Crash, MemoryStorage } from '../journal/memory-storage.ts'
import type { Destination } from '../journal/types.ts'
import { MailboxRecords, type MailboxState } from './mailbox-records.ts'
import { createMailboxTables } from './mailbox-tables.ts'
import type { AcceptCommand } from './mailbox-types.ts'
import { WATCH_MS } from './notification-state.ts'
import type { ProjectedNotification } from './projection.ts'

type Requested = CloudEvent<'notification.requested.v1'>

const start = 1_800_000_000_000
const userId = '019aa5b8-7c00-7000-8000-000000000002'
const mailbox = `user:${userId}`
const idOf = (n: number) => `019aa5b8-7c00-7000-8000-00000000010${n}`

/** One mailbox, the queue, consumer and provider behind it, and a client that asks until it is answered. */
class World {
  readonly storage = new MemoryStorage()
  readonly crashedAt: string[] = []
  /** What the provider was asked, and what it took: the same key is the same e-mail. */
  asked = 0
  readonly taken = new Set<string>()
  readonly told = new Map<string, CloudEvent<'notification.status.changed.v1'>>()
  readonly projected = new Map<string, ProjectedNotification>()
  now = start
  /** Lives in memory: a restart forgets it. */
  queue: Requested[] = []
  /** The consumer's own table. */
  readonly #done = new Map<string, number>()
  #boot = 0
  #crashIn: number
  #records: MailboxRecords
  #core: JournalCore<MailboxState>

  constructor(crashIn = 0) {
    this.#crashIn = crashIn
    this.storage.onPoint = (point) => {
      if (this.#crashIn === 0 || --this.#crashIn > 0) return
      this.crashedAt.push(point)
      throw new Crash(point)
    }
    ;[this.#core, this.#records] = this.#boots()
  }

  get records(): MailboxRecords {
    return this.#records
  }

  accept(n: number, change: Partial<AcceptCommand['request']> = {}): void {
    const content = { title: `Number ${n}`, body: 'Body' }
    const request = { recipient: { userId }, category: 'news', content, ...change }
    const command = {
      id: idOf(n),
      mailbox,
      actor: userId,
      source: 'http',
      key: `key-${n}`,
      request,
    }
    // The client asks until it is answered, and once more.
    for (let answers = 0; answers < 2; )
      this.#survive(() => {
        const answer = this.#records.accept(command as AcceptCommand, {})
        expect(answer.ok && answer.value.notification.id).toBe(idOf(n))
        answers += 1
      })
  }

  async alarm(): Promise<void> {
    await this.#core.alarm((timer) => this.#records.ring(timer))
    this.#survive(() => undefined)
  }

  /** Every message twice. One whose consumer died comes again. */
  consume(): void {
    const messages = this.queue.splice(0)
    for (const event of [...messages, ...messages]) {
      this.#survive(() => {
        const { deliveryId, notificationId, channel } = event.data
        if (!this.#done.has(deliveryId)) {
          this.asked += 1
          this.taken.add(deliveryId)
          this.#done.set(deliveryId, this.now)
        }
        const sentAt = this.#done.get(deliveryId) ?? 0
        const report = { notificationId, channel, outcome: 'sent', attempts: 1, sentAt } as const
        const told = this.#records.deliver({ ...report, providerId: 'p' }, {})
        expect(told.ok).toBe(true)
      })
    }
  }

  /** Lets everything that waits happen, however far away it is. */
  async settle(): Promise<void> {
    for (let round = 0; round < 200; round++) {
      const isOpen = this.storage.exec('SELECT 1 FROM notifications WHERE ended_at IS NULL').length
      const waits = this.storage.exec("SELECT 1 FROM outbox WHERE state = 'pending'").length
      if (isOpen + waits + this.queue.length === 0) return
      this.now = Math.max(this.now, this.storage.alarmAt ?? this.now) + 1
      await this.alarm()
      this.consume()
    }
    throw new Error('It never came to rest')
  }

  #survive(work: () => void): void {
    try {
      work()
    } catch (error) {
      if (!(error instanceof Crash)) throw error
    }
    if (!this.storage.dead) return
    this.storage.revive()
    this.queue = []
    ;[this.#core, this.#records] = this.#boots()
  }

  #boots(): [JournalCore<MailboxState>, MailboxRecords] {
    const bootId = `boot-${this.#boot++}`
    const to = (
      take: (body: JsonObject) => void,
      delivery: Destination['delivery'],
    ): Destination => ({
      delivery,
      batchSize: 100,
      send: async (rows) => {
        for (const { body } of rows) take(body)
      },
    })
    const now = () => this.now
    const core = new JournalCore<MailboxState>(
      this.storage,
      {
        kind: 'mailboxes',
        now,
        bootId,
        schema: [createMailboxTables],
        destinations: {
          deliveries: to((body) => this.queue.push(body as unknown as Requested), 'resend'),
          history: to((body) => this.#tell(body), 'resend'),
          webhooks: to(() => undefined, 'resend'),
          projection: to((body) => this.#project(body), 'confirmed'),
        },
      },
      { salt: () => '00'.repeat(16), random: () => 0.5 },
    )
    const exec = this.storage.exec.bind(this.storage)
    return [core, new MailboxRecords({ journal: core, exec, now, moved: () => undefined })]
  }

  #tell(body: JsonObject): void {
    const event = body as unknown as CloudEvent<'notification.status.changed.v1'>
    const known = this.told.get(event.id)
    // The same id is the same event.
    if (known !== undefined) expect(event).toEqual(known)
    this.told.set(event.id, event)
  }

  #project(body: JsonObject): void {
    const row = body as unknown as ProjectedNotification
    if (row.seq > (this.projected.get(row.id)?.seq ?? 0)) this.projected.set(row.id, row)
  }
}

async function live(crashIn = 0): Promise<World> {
  const world = new World(crashIn)
  world.accept(1)
  await world.alarm()
  world.accept(2, { sendAt: new Date(start + 40 * 3_600_000).toISOString(), dedupeKey: 'd' })
  world.consume()
  world.accept(3, { channels: ['in-app'] })
  await world.settle()
  return world
}

const historyOf = (world: World, n: number) =>
  [...world.told.values()]
    .filter(({ data }) => data.notificationId === idOf(n))
    .toSorted((a, b) => Number(a.id.split(':')[1]) - Number(b.id.split(':')[1]))
    .map(({ data }) => data.status)

function check(world: World): void {
  expect([...world.taken].toSorted()).toEqual([`${idOf(1)}:email`, `${idOf(2)}:email`])
  expect([1, 2, 3].map((n) => historyOf(world, n))).toEqual([
    ['queued', 'sent'],
    ['scheduled', 'queued', 'sent'],
    ['queued', 'sent'],
  ])
  const feed = world.records.feed(null, 10).map(({ id }) => id)
  expect(feed.toSorted()).toEqual([1, 2, 3].map(idOf))
  expect([1, 2, 3].map((n) => world.projected.get(idOf(n))?.status)).toEqual([
    'sent',
    'sent',
    'sent',
  ])
}

describe('a mailbox', () => {
  test('loses nothing and doubles nothing, wherever the process dies', async () => {
    const died = new Set<string>()
    for (let points = 1; ; points++) {
      const world = await live(points)
      check(world)
      // A dead consumer asks again under the same key at most; what was taken was taken once.
      expect(world.asked).toBe(2)
      const [point] = world.crashedAt
      world.storage.close()
      if (point === undefined) break
      died.add(point)
    }
    for (const step of ['insert notifications', 'insert outbox', 'insert events', 'delete timers'])
      expect([...died]).toContain(`after ${step}`)
    expect([...died]).toContain('after commit')
  })

  test('asks again where the queue forgot what it took', async () => {
    const world = new World()
    world.accept(1)
    await world.alarm()
    expect(world.queue).toHaveLength(1)
    // Without a restart, and so without a word.
    world.queue = []
    world.now += WATCH_MS
    await world.alarm()
    expect(world.queue.map(({ id }) => id)).toEqual([`notifications/${idOf(1)}:email.2`])
    await world.settle()
    expect(world.taken.size).toBe(1)
    expect(historyOf(world, 1)).toEqual(['queued', 'sent'])
  })

  test('knows a dedupe key for 24 hours, of this mailbox alone', async () => {
    const world = new World()
    const request = (n: number) => {
      const content = { title: 'a', body: 'b' }
      const asked = {
        recipient: { userId },
        channels: ['in-app'],
        category: 'c',
        content,
        dedupeKey: 'k',
      }
      const command = {
        id: idOf(n),
        mailbox,
        actor: userId,
        source: 'http',
        key: null,
        request: asked,
      }
      const accepted = world.records.accept(command as AcceptCommand, {})
      return accepted.ok ? accepted.value.notification.id : accepted.error.code
    }
    expect(request(1)).toBe(idOf(1))
    world.now += 24 * 3_600_000 - 1
    expect(request(2)).toBe(idOf(1))
    world.now += 1
    expect(request(3)).toBe(idOf(3))
    expect(request(3)).toBe(idOf(3))
  })

  test('answers nothing before it is made, and writes nothing', () => {
    const { records, storage } = new World()
    expect(records.find(idOf(1))).toBeUndefined()
    expect(records.feed(null, 5)).toEqual([])
    const report = {
      notificationId: idOf(1),
      channel: 'email',
      outcome: 'sent',
      attempts: 1,
    } as const
    const told = records.deliver({ ...report, sentAt: start, providerId: null }, {})
    expect(told).toEqual({ ok: false, error: { code: 'not_found' } })
    expect(storage.exec('SELECT name FROM sqlite_master')).toEqual([])
  })
})

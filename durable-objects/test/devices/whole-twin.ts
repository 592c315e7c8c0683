import type { JsonObject, Principal } from '@menagerie/core'
import type { DeviceState } from '../../src/device-twin/device-state.ts'
import { takeBatch } from '../../src/device-twin/intake/intake.ts'
import type { TwinLog } from '../../src/device-twin/twin-log.ts'
import { TwinParts } from '../../src/device-twin/twin-parts.ts'
import { twinSchema } from '../../src/device-twin/twin-schema.ts'
import type { DeviceMessage } from '../../src/device-twin/twin-types.ts'
import type { Journal } from '../../src/journal/journal.ts'
import { JournalCore } from '../../src/journal/journal-core.ts'
import { Crash, MemoryStorage } from '../../src/journal/memory-storage.ts'

export const deviceId = 'fox-1'
const begin = Date.parse('2026-11-21T10:58:00Z')
const ann = { kind: 'user', id: '019aa5b8-7c00-7000-8000-000000000001', permissions: [] }
const destinations = ['history', 'rules', 'webhooks', 'dead-letters', 'link', 'projection']
/** Whose it is. */
export const owner = ann as unknown as Principal

/** All parts of a twin as the object wires them, over SQLite in memory. */
export class Twin {
  readonly storage = new MemoryStorage()
  clock = begin
  /** What left the object, by destination; a repeated id is the same message. */
  readonly left = new Map(destinations.map((name) => [name, new Map<string, JsonObject>()]))
  #points = Number.POSITIVE_INFINITY
  #core: JournalCore<DeviceState>
  parts: TwinParts

  constructor() {
    this.storage.onPoint = () => {
      if (--this.#points < 0) throw new Crash('where the test wanted')
    }
    ;[this.#core, this.parts] = this.#load()
    this.parts.registry.create(
      owner,
      { id: deviceId, key: null, name: 'Fox', ownerId: owner.id, metadata: {} },
      {},
    )
  }

  evict(): void {
    this.storage.revive()
    this.#points = Number.POSITIVE_INFINITY
    ;[this.#core, this.parts] = this.#load()
  }

  get state(): DeviceState {
    return this.#core.state as DeviceState
  }

  /** Whether it lived to answer. */
  lives(work: () => unknown, points: number): boolean {
    this.#points = points
    try {
      work()
      return true
    } catch (error) {
      if (!(error instanceof Crash)) throw error
      return false
    } finally {
      this.#points = Number.POSITIVE_INFINITY
      if (this.storage.dead) this.evict()
    }
  }

  take(messages: readonly DeviceMessage[]) {
    const taken = takeBatch(this.parts.intake, 'default', messages, undefined)
    if (!taken.ok) throw new Error(taken.error.code)
    return taken.value
  }

  /** The alarm goes off: due timers ring and messages leave. @param points writes it lives for */
  async alarm(points = Number.POSITIVE_INFINITY): Promise<void> {
    this.#points = points
    await this.#core.alarm((timer) => this.parts.ring(timer))
    this.#points = Number.POSITIVE_INFINITY
    if (this.storage.dead) this.evict()
  }

  /** All that can be seen of it, now and later, as text. @param except a destination whose messages do not matter */
  dump(except?: string): string {
    const rows = (sql: string) => this.storage.exec(sql)
    const left = [...this.left].map(([name, sent]) => name !== except && [name, ...sent.values()])
    const text = JSON.stringify(
      {
        state: this.state,
        events: rows('SELECT seq, type, time, data FROM events ORDER BY seq'),
        commands: rows('SELECT * FROM commands ORDER BY n'),
        left,
        samples: rows('SELECT * FROM samples ORDER BY stream, at, key'),
        streams: rows('SELECT * FROM streams ORDER BY name'),
        rings: ['a', 'b'].map((stream) =>
          (['minutes', 'hours', 'days'] as const).map((ring) =>
            this.parts.telemetry.rings.read(ring, stream, 0, 8.64e15),
          ),
        ),
        numbering: rows('SELECT * FROM numbering ORDER BY epoch'),
        ids: rows('SELECT count(*) AS count FROM event_ids'),
        rejections: rows('SELECT code, detail FROM rejections ORDER BY rowid'),
        changes: rows('SELECT * FROM twin_changes ORDER BY version, section'),
        timers: rows('SELECT name, at FROM timers ORDER BY name'),
        told: rows('SELECT told_until, due FROM told_hours'),
      },
      (name, value) => (name === 'correlationData' ? undefined : value),
      1,
    )
    // Ids are drawn by lot.
    const ids = new Map<string, string>()
    return text.replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, (id) => {
      if (!ids.has(id)) ids.set(id, `id-${ids.size}`)
      return ids.get(id) as string
    })
  }

  #load(): [JournalCore<DeviceState>, TwinParts] {
    const { storage } = this
    const to = (destination: string) => ({
      delivery: 'confirmed' as const,
      ordered: true,
      batchSize: 100,
      send: async (sent: readonly { id: string; body: JsonObject }[]) => {
        for (const { id, body } of sent) this.left.get(destination)?.set(id, body)
      },
    })
    const core = new JournalCore<DeviceState>(
      storage,
      {
        kind: 'devices',
        now: () => this.clock,
        bootId: 'boot-1',
        destinations: Object.fromEntries(destinations.map((name) => [name, to(name)])),
        schema: twinSchema,
      },
      { salt: () => '00'.repeat(16), random: () => 0.5 },
    )
    const sockets = { closeWhere: () => {} }
    const journal = Object.assign(core, { sockets }) as unknown as Journal<DeviceState>
    const parts = new TwinParts({
      journal: () => journal,
      exec: (sql, ...bindings) => storage.exec(sql, ...bindings),
      transaction: (work) => storage.transaction(work),
      now: () => this.clock,
      log: { end: () => {} } as unknown as TwinLog,
    })
    return [core, parts]
  }
}

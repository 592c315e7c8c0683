import type { BridgeAck, Downlink } from '@menagerie/contracts'
import { ok } from '@menagerie/core'
import { CommandDesk, type CommandHost } from '../../src/device-twin/commands/command-desk.ts'
import { CommandStore } from '../../src/device-twin/commands/command-store.ts'
import { decisionOf } from '../../src/device-twin/decision.ts'
import type { DeviceState } from '../../src/device-twin/device-state.ts'
import { TwinDesk } from '../../src/device-twin/document/twin-desk.ts'
import { emptyTwin } from '../../src/device-twin/document/twin-document.ts'
import { TwinHistory } from '../../src/device-twin/document/twin-history.ts'
import { type IntakeHost, takeBatch } from '../../src/device-twin/intake/intake.ts'
import { Ledger } from '../../src/device-twin/intake/ledger.ts'
import { unknownPresence } from '../../src/device-twin/presence/presence-rule.ts'
import { TelemetryStore } from '../../src/device-twin/telemetry/telemetry-store.ts'
import { twinSchema } from '../../src/device-twin/twin-schema.ts'
import type { DeviceMessage, Taken } from '../../src/device-twin/twin-types.ts'
import { JournalCore } from '../../src/journal/journal-core.ts'
import { Crash, MemoryStorage } from '../../src/journal/memory-storage.ts'

export const deviceId = 'thermometer-7'
const now = Date.parse('2026-11-21T10:00:00Z')

const nowhere = { delivery: 'confirmed', batchSize: 100, send: async () => {} } as const

/** A twin's intake over SQLite in memory, which can leave memory and die at any write. */
export class World {
  readonly storage = new MemoryStorage()
  /** Refuses every write. */
  isFull = false
  /** The link takes nothing. */
  isLinkAway = false
  /** Milliseconds since the epoch. */
  clock = now
  /** What the link was given, in order. */
  readonly sent: Downlink[] = []
  #keys = 0
  #host: IntakeHost
  #core: JournalCore<DeviceState>
  #points = Number.POSITIVE_INFINITY

  constructor() {
    this.storage.onPoint = () => {
      this.#points -= 1
      if (this.isFull) throw new Error('database or disk is full: SQLITE_FULL')
      if (this.#points < 0) throw new Crash('where the test wanted')
    }
    const { core, host } = this.#load()
    core.create(deviceId, { actor: 'ann', source: 'http', id: 'create', body: {} }, () => ({
      state: {
        details: {
          id: deviceId,
          name: 'Cellar',
          ownerId: '019aa5b8-7c00-7000-8000-000000000001',
          metadata: {},
          tags: [],
          inactivityTimeoutSeconds: null,
          createdAt: now,
        },
        twin: emptyTwin,
        presence: unknownPresence,
        active: true,
        rules: [],
      },
      events: [{ type: 'device.created', data: {} }],
      outcome: null,
    }))
    this.#host = host
    this.#core = core
  }

  /** The object leaves memory and comes back. */
  evict(): void {
    this.storage.revive()
    this.#points = Number.POSITIVE_INFINITY
    const { core, host } = this.#load()
    this.#host = host
    this.#core = core
  }

  /** The answer to a batch; undefined when the object died before it gave one. @param points writes it lives for */
  take(messages: readonly DeviceMessage[], points = Number.POSITIVE_INFINITY): Taken | undefined {
    return this.mortal(() => {
      const taken = takeBatch(this.#host, 'default', messages, undefined)
      if (!taken.ok) throw new Error(taken.error.code)
      return taken.value.taken
    }, points)
  }

  /** What a device that asks for its twin is told. */
  answerTo(message: DeviceMessage): Omit<Downlink, 'id'> {
    const taken = takeBatch(this.#host, 'default', [message], undefined)
    const answer = taken.ok ? taken.value.answers[0] : undefined
    if (answer === undefined) throw new Error('no answer')
    return answer
  }

  /** What somebody asks of the commands. */
  get desk(): CommandDesk {
    const core = this.#core
    const device = () => ok(core.state as DeviceState)
    const host: CommandHost = {
      journal: () => core,
      exec: (sql, ...bindings) => this.storage.exec(sql, ...bindings),
      now: () => this.clock,
      contact: () => ({ link: 'default', seenAt: null }),
      visible: device,
      writable: device,
    }
    return new CommandDesk(host, this.#host.commands, { end: () => {} })
  }

  get state(): DeviceState {
    const { state } = this.#core
    if (state === undefined) throw new Error('The device was made')
    return state
  }

  /** What somebody asks of the document. */
  get document(): TwinDesk {
    const core = this.#core
    const device = () => ok(this.state)
    return new TwinDesk({
      journal: () => core,
      history: this.#host.history,
      decide: (state, happenings, { traceparent }, outcome) =>
        decisionOf(state, happenings, outcome, () => ({
          link: 'default',
          lastSeenAt: null,
          traceparent,
        })),
      visible: device,
      writable: device,
    })
  }

  /** The alarm goes off: due timers ring and messages leave. */
  async alarm(): Promise<void> {
    const { desk } = this
    await this.#core.alarm((timer) => {
      if (timer.name === 'commands') desk.ring(timer)
    })
    if (this.storage.dead) this.evict()
  }

  /** What some work gives; undefined when the object died in it. @param points writes it lives for */
  mortal<T>(work: () => T, points: number): T | undefined {
    this.#points = points
    try {
      return work()
    } catch (error) {
      if (!(error instanceof Crash)) throw error
      this.evict()
      return undefined
    } finally {
      if (this.storage.dead) this.evict()
      this.#points = Number.POSITIVE_INFINITY
    }
  }

  /** Every stored number, of samples and of events, as `{epoch}.{seq}`. */
  stored(): string[] {
    const samples = this.storage
      .exec<{ key: string }>('SELECT key FROM samples')
      .map(({ key }) => key)
    const events = this.storage
      .exec<{ data: string }>(`SELECT data FROM events WHERE type = 'device.event'`)
      .map(({ data }) => (JSON.parse(data) as { data: string }).data)
    return [...samples, ...events].sort()
  }

  /** Samples that the minutes counted. */
  counted(): number {
    const [row] = this.storage.exec<{ n: number }>('SELECT total(count) AS n FROM minutes')
    return row?.n ?? 0
  }

  #load(): { core: JournalCore<DeviceState>; host: IntakeHost } {
    const core = new JournalCore<DeviceState>(
      this.storage,
      {
        kind: 'devices',
        now: () => this.clock,
        bootId: 'boot-1',
        destinations: {
          history: nowhere,
          rules: nowhere,
          webhooks: nowhere,
          'dead-letters': nowhere,
          link: {
            delivery: 'confirmed',
            ordered: true,
            batchSize: 100,
            send: async (rows) => {
              if (this.isLinkAway) throw new Error('away')
              for (const { body } of rows) this.sent.push(body.message as unknown as Downlink)
            },
          },
          projection: nowhere,
        },
        schema: twinSchema,
      },
      { salt: () => '00'.repeat(16), random: () => 0.5 },
    )
    const exec: MemoryStorage['exec'] = (sql, ...bindings) => this.storage.exec(sql, ...bindings)
    const host: IntakeHost = {
      storage: this.storage,
      journal: core,
      telemetry: new TelemetryStore(exec),
      ledger: new Ledger(exec),
      history: new TwinHistory(exec),
      commands: new CommandStore(exec),
      now: () => this.clock,
      newId: () => `key-${this.#keys++}`,
    }
    return { core, host }
  }
}

/** What a device sends under a number: every third is an event, the others telemetry. */
export function numberedMessage(epoch: number, seq: number): DeviceMessage {
  const isEvent = seq % 3 === 0
  const base = { qos: 1, receivedAt: new Date(now).toISOString() } as const
  if (isEvent)
    return {
      ...base,
      topic: `v1/devices/${deviceId}/events/door`,
      of: { kind: 'event', name: 'door' },
      payload: JSON.stringify({ seq, epoch, data: `${epoch}.${seq}` }),
    }
  return {
    ...base,
    topic: `v1/devices/${deviceId}/telemetry/climate`,
    of: { kind: 'telemetry', stream: 'climate' },
    payload: JSON.stringify({ seq, epoch, values: { temperature: seq } }),
  }
}

/** A device that numbers its messages, keeps them until they are acknowledged, and sends them as often as it takes. */
export class Device {
  readonly epoch: number
  readonly #held: Set<number>

  constructor(epoch: number, count: number) {
    this.epoch = epoch
    this.#held = new Set(Array.from({ length: count }, (_, index) => index + 1))
  }

  get held(): number[] {
    return [...this.#held]
  }

  acknowledged(ack: BridgeAck | undefined): void {
    if (ack?.epoch !== this.epoch) return
    for (const seq of this.#held) if (seq <= ack.ackedThrough) this.#held.delete(seq)
  }
}

import { describe, expect, it } from 'vitest'
import { JournalCore } from '../journal/journal-core.ts'
import { MemoryStorage } from '../journal/memory-storage.ts'
import { DeskBook } from './desk-book.ts'
import { deskDestinations } from './desk-destinations.ts'
import type { DeskInput, DeskState } from './desk-state-types.ts'
import { createDeskTables } from './desk-tables.ts'

const agentId = '019aa5b8-7c00-7000-8000-000000000002'

/** A desk without queues, the list's table and the history it tells. */
class World {
  now = 1_800_000_000_000
  /** Activities as the list was written, and as the history was told: a batch each. */
  readonly listed: string[] = []
  readonly history: string[][] = []
  /** Happens while the list is being written. */
  meanwhile: () => void = () => undefined
  readonly #storage = new MemoryStorage()
  #book: DeskBook
  #core: JournalCore<DeskState>

  constructor() {
    ;[this.#core, this.#book] = this.#boot()
    this.#book.open(agentId)
  }

  take(input: DeskInput): void {
    expect(this.#book.notice({ actor: agentId, source: 'service' }, input).ok).toBe(true)
  }

  async alarm(ms = 0): Promise<void> {
    this.now += ms
    await this.#core.alarm((timer) =>
      this.#book.fire(timer, { type: 'timer.queues', queueIds: [] }),
    )
  }

  /** The object leaves memory and comes back. */
  evict(): void {
    ;[this.#core, this.#book] = this.#boot()
  }

  #boot(): [JournalCore<DeskState>, DeskBook] {
    const exec = this.#storage.exec.bind(this.#storage)
    const now = () => this.now
    const book: DeskBook = new DeskBook({ journal: () => core, exec, now })
    const env = {
      DB: {
        prepare: () => ({
          bind: (...values: unknown[]) => ({
            run: async () => {
              this.listed.push(String(values[7]))
              this.meanwhile()
            },
          }),
        }),
      },
      HISTORY_QUEUE: {
        sendBatch: async (messages: { body: { data: { activity: string } } }[]) => {
          this.history.push(messages.map(({ body }) => body.data.activity))
        },
      },
    }
    const destinations = deskDestinations(env as never, {
      state: () => book.state,
      takeListed: () => book.takeListed(),
      tell: () => undefined,
      again: () => undefined,
      fault: (_, error) => {
        throw error
      },
    })
    const core: JournalCore<DeskState> = new JournalCore<DeskState>(
      this.#storage,
      { kind: 'agents', now, bootId: 'boot', schema: [createDeskTables], destinations },
      { salt: () => '00'.repeat(16), random: () => 0 },
    )
    return [core, book]
  }
}

/** An agent at work, who is listed. */
async function atWork(): Promise<World> {
  const world = new World()
  world.take({ type: 'connected' })
  world.take({ type: 'choose', name: 'available' })
  await world.alarm()
  await world.alarm(2_000)
  world.listed.length = 0
  world.history.length = 0
  return world
}

const choose = (name: 'break' | 'busy' | 'available') => ({ type: 'choose', name }) as const

describe("an agent's row of the list", () => {
  it('is there at once when the agent comes to work: queues look for it', async () => {
    const world = new World()
    world.take({ type: 'connected' })
    world.take(choose('available'))
    await world.alarm()
    expect(world.listed).toEqual(['available'])
  })

  it('is written once for all that changes within a second, as it is then', async () => {
    const world = await atWork()
    for (const name of ['break', 'busy', 'break'] as const) {
      world.take(choose(name))
      world.now += 100
    }
    await world.alarm()
    expect(world.listed).toEqual([])
    await world.alarm(1_000)
    expect(world.listed).toEqual(['break'])
    await world.alarm(2_000)
    expect(world.listed).toEqual(['break'])
  })

  it('is written again for what changes while it is written', async () => {
    const world = await atWork()
    world.take(choose('break'))
    world.meanwhile = () => {
      world.meanwhile = () => undefined
      world.take(choose('busy'))
    }
    await world.alarm(1_000)
    await world.alarm(1_000)
    expect(world.listed).toEqual(['break', 'busy'])
  })

  it('is written also when the object left memory with a change that waits', async () => {
    const world = await atWork()
    world.take(choose('break'))
    world.evict()
    world.take(choose('busy'))
    await world.alarm(1_000)
    expect(world.listed.at(-1)).toBe('busy')
  })
})

describe('the history of an agent', () => {
  it('is told of every activity, those of a second together', async () => {
    const world = await atWork()
    for (const name of ['break', 'busy', 'available'] as const) {
      world.take(choose(name))
      world.now += 100
    }
    await world.alarm(1_000)
    expect(world.history).toEqual([['break', 'busy', 'available']])
  })
})

import type { JsonObject } from '@menagerie/core'
import type { MemoryStorage } from '../../src/journal/memory-storage.ts'

type Rows = readonly { id: string; body: JsonObject }[]

/** Those to whom messages go: a sink that keeps what it takes, and a queue that forgets with the process. */
export class Receivers {
  /** What is down: `sink`, `queue`, or the timers' `handler`. */
  readonly failing = new Set<string>()
  /** How often each message had an effect. */
  readonly effects = new Map<string, number>()
  readonly #storage: MemoryStorage
  readonly #dropKnownIds: boolean
  readonly #seen = new Set<string>()
  #queue: { id: string; body: JsonObject }[] = []

  constructor(storage: MemoryStorage, dropKnownIds: boolean) {
    this.#storage = storage
    this.#dropKnownIds = dropKnownIds
  }

  get queueIsEmpty(): boolean {
    return this.#queue.length === 0
  }

  takeAtSink(rows: Rows): void {
    this.#deliver('sink', () => this.#receive('sink', rows))
  }

  takeAtQueue(rows: Rows): void {
    this.#deliver('queue', () => void this.#queue.push(...rows))
  }

  consume(): void {
    this.#receive('queue', this.#queue.splice(0))
  }

  forgetQueue(): void {
    this.#queue = []
  }

  #deliver(name: string, arrive: () => void): void {
    this.#storage.point(`before send ${name}`)
    if (this.failing.has(name)) throw new Error(`${name} is down`)
    arrive()
    this.#storage.point(`after send ${name}`)
  }

  #receive(name: string, rows: Rows): void {
    for (const row of rows) {
      if (this.#dropKnownIds && this.#seen.has(row.id)) continue
      this.#seen.add(row.id)
      const effect = `${row.body.event}.${name}`
      this.effects.set(effect, (this.effects.get(effect) ?? 0) + 1)
    }
  }
}

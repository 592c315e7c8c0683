import { randomBytes, randomInt } from 'node:crypto'
import type { Result } from '@menagerie/core'
import type { Entropy } from './collaborators.ts'
import { durableObjectStorage } from './do-storage.ts'
import { JournalCore } from './journal-core.ts'
import { JournalSockets } from './sockets/journal-sockets.ts'
import type {
  Applied,
  Decision,
  FiredTimer,
  JournalError,
  JournalEvent,
  JournalHead,
  JournalInput,
  JournalOptions,
  JournalProof,
  Replay,
} from './types.ts'

const RANDOM_STEPS = 2 ** 32

const entropy: Entropy = {
  salt: () => randomBytes(16).toString('hex'),
  random: () => randomInt(RANDOM_STEPS) / RANDOM_STEPS,
}

/**
 * The history of one Durable Object: inputs that act once, events without gaps, messages that leave at least once,
 * named timers on the one alarm, and sockets that miss nothing. The object's class holds one and hands `alarm`,
 * `webSocketMessage` and `webSocketClose` on.
 *
 * @example
 * readonly #journal = new Journal<CallState>(this.ctx, { kind: 'calls', now, bootId, destinations })
 * alarm() { return this.#journal.alarm((timer) => this.#ring(timer)) }
 */
export class Journal<State> {
  readonly sockets: JournalSockets
  readonly #core: JournalCore<State>

  constructor(ctx: DurableObjectState, options: JournalOptions<State>) {
    const storage = durableObjectStorage(ctx.storage, options.now)
    const core = new JournalCore(storage, options, entropy)
    this.#core = core
    this.sockets = new JournalSockets(ctx, {
      exec: storage.exec,
      now: options.now,
      exists: () => core.exists,
      head: () => core.head()?.seq ?? 0,
      base: () => core.base(),
      events: (afterSeq, limit) => core.events(afterSeq, limit),
      options: options.sockets,
      snapshot: (principal) => options.sockets?.snapshot(core.state as State, principal) ?? null,
      ended: () => options.sockets?.ended(core.state as State) ?? false,
      dueChanged: () => core.rearm(),
      settled: () => ctx.storage.sync(),
      observe: (what) => options.observe?.(what),
    })
    core.follow(this.sockets)
  }

  /** False until `create`: everything then answers `not_found` and writes nothing. */
  get exists(): boolean {
    return this.#core.exists
  }

  /** The name given to `create`; empty before. */
  get name(): string {
    return this.#core.name
  }

  get state(): State | undefined {
    return this.#core.state
  }

  /** See `JournalCore.create`. */
  create<T>(
    name: string,
    input: JournalInput,
    decide: (now: number) => Decision<State, T>,
  ): Result<Applied<T>, JournalError> {
    return this.#core.create(name, input, decide)
  }

  /** See `JournalCore.apply`. */
  apply<T>(
    input: JournalInput,
    decide: (state: State, now: number) => Decision<State, T>,
  ): Result<Applied<T>, JournalError> {
    return this.#core.apply(input, decide)
  }

  /** A page of events after a number, at most 1,000; `complete` is false when some are gone by retention. */
  replay(afterSeq: number, limit: number): Result<Replay, JournalError> {
    return this.#core.replay(afterSeq, limit)
  }

  head(): JournalHead | undefined {
    return this.#core.head()
  }

  /** The hashes of a range, cut to what is kept; the caller adds the signed head (contract §3). */
  proof(fromSeq: number, toSeq: number): Result<JournalProof, JournalError> {
    return this.#core.proof(fromSeq, toSeq)
  }

  /** Clears data and salt of the chosen events; returns how many. The chain still verifies and says which. */
  erase(select: (event: JournalEvent) => boolean): number {
    return this.#core.erase(select)
  }

  /** What the object's `alarm()` calls, and all it calls. See `JournalCore.alarm`. */
  alarm(onTimer: (timer: FiredTimer) => void | Promise<void>): Promise<void> {
    return this.#core.alarm(onTimer)
  }

  /** Asks for the alarm now. */
  wake(): void {
    this.#core.wake()
  }
}

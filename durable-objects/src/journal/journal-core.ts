import { err, ok, type Result } from '@menagerie/core'
import { Alarm } from './alarm.ts'
import type { Entropy, JournalFollower } from './collaborators.ts'
import { eraseEvents, readBounds, readEvents } from './events.ts'
import { fireTimers } from './fire-timers.ts'
import { meanwhile } from './meanwhile.ts'
import { Outbox } from './outbox.ts'
import { readProof } from './proof.ts'
import { isStorageFull, Refusal } from './refusal.ts'
import { isCreated, migrate } from './schema.ts'
import type {
  Applied,
  Decision,
  FiredTimer,
  JournalError,
  JournalEvent,
  JournalHead,
  JournalInput,
  JournalObservation,
  JournalOptions,
  JournalProof,
  JournalStorage,
  Replay,
  SqlRow,
} from './types.ts'
import { Upkeep } from './upkeep.ts'
import { type WrittenInput, writeInput } from './write-input.ts'

const MAX_PAGE = 1000
const TIDY_EVERY_INPUTS = 256
const STORAGE_FULL_RETRY_SECONDS = 30

interface ObjectRow extends SqlRow {
  name: string
  state: string
}

/**
 * The journal over any storage: inputs act once, events are numbered and chained, messages and timers are kept in the
 * transaction of the change they tell of. `Journal` is the same in a Durable Object, with sockets.
 */
export class JournalCore<State> {
  readonly storage: JournalStorage
  readonly #options: JournalOptions<State>
  readonly #entropy: Entropy
  readonly #outbox: Outbox
  readonly #upkeep: Upkeep
  readonly #alarm: Alarm
  #follower: JournalFollower | undefined
  // Caches of the object's row: the object may vanish at any moment.
  #name: string | undefined
  #stateText = 'null'
  #state: State | undefined
  #untilTidy = TIDY_EVERY_INPUTS

  constructor(storage: JournalStorage, options: JournalOptions<State>, entropy: Entropy) {
    this.storage = storage
    this.#options = options
    this.#entropy = entropy
    this.#outbox = new Outbox({
      storage,
      destinations: options.destinations,
      bootId: options.bootId,
      now: options.now,
      random: entropy.random,
      observe: this.#observe,
    })
    this.#upkeep = new Upkeep({
      exec: this.#exec,
      outbox: this.#outbox,
      retention: options.retention,
      follower: () => this.#follower,
    })
    this.#alarm = new Alarm({
      storage,
      now: options.now,
      due: () => this.#upkeep.nextDue(options.now()),
      observe: this.#observe,
    })
    if (!isCreated(this.#exec)) return
    migrate(storage, options.schema ?? [])
    this.#load()
    try {
      this.#outbox.recover()
    } catch (error) {
      // A full disk can still be read; the next alarm tries again.
      if (!isStorageFull(error)) throw error
      this.#faulty('outbox')(error)
    }
    // After the constructor, so that whoever follows is asked too.
    queueMicrotask(() => void this.#alarm.recover())
  }

  /** False until `create`: everything then answers `not_found` and writes nothing. */
  get exists(): boolean {
    return this.#name !== undefined
  }

  /** The name given to `create`; empty before. */
  get name(): string {
    return this.#name ?? ''
  }

  /** `{kind}/{name}`, the object of ids and proofs. */
  get object(): string {
    return `${this.#options.kind}/${this.name}`
  }

  get state(): State | undefined {
    return this.#state
  }

  /** Whoever must hear of commits and share the alarm. */
  follow(follower: JournalFollower): void {
    this.#follower = follower
  }

  /**
   * Makes the object: tables, name and the first input in one transaction. A repeat of the same key and body gets the
   * stored outcome; an object that exists already answers any other key with `idempotency_mismatch`.
   */
  create<T>(
    name: string,
    input: JournalInput,
    decide: (now: number) => Decision<State, T>,
  ): Result<Applied<T>, JournalError> {
    return this.#commit(input, decide, name)
  }

  /**
   * Decides on an input and saves all it leads to, or nothing. A known key with the same body gets the stored outcome;
   * with another body `idempotency_mismatch`. A timer that has fired, was cancelled or set anew is `not_found`.
   *
   * @throws what `decide` or `save` throws, after undoing everything: such exceptions are bugs
   */
  apply<T>(
    input: JournalInput,
    decide: (state: State, now: number) => Decision<State, T>,
  ): Result<Applied<T>, JournalError> {
    if (!this.exists) return err({ code: 'not_found' })
    return this.#commit(input, (now) => decide(this.#state as State, now), undefined)
  }

  /** A page of events after a number, at most 1,000; `complete` is false when retention has removed some of them. */
  replay(afterSeq: number, limit: number): Result<Replay, JournalError> {
    if (!this.exists) return err({ code: 'not_found' })
    const { head, base } = readBounds(this.#exec)
    const events = this.events(afterSeq, Math.min(Math.max(1, limit), MAX_PAGE))
    return ok({ events, head: head.seq, base: base.seq, complete: afterSeq >= base.seq })
  }

  /** Events after a number, upcast; for those who have checked that the object exists. */
  events(afterSeq: number, limit: number): JournalEvent[] {
    return readEvents(this.#exec, afterSeq, limit).map((event) => this.#upcast(event))
  }

  head(): JournalHead | undefined {
    return this.exists ? readBounds(this.#exec).head : undefined
  }

  /** Numbers up to this one are gone by retention. */
  base(): number {
    return readBounds(this.#exec).base.seq
  }

  /**
   * The hashes of a range (contract §3), cut to what is kept: from `base + 1` at the earliest to the head at the
   * latest. A range that holds nothing gives no events, and both hashes are that of its place.
   */
  proof(fromSeq: number, toSeq: number): Result<JournalProof, JournalError> {
    if (!this.exists) return err({ code: 'not_found' })
    return ok(readProof(this.#exec, this.object, fromSeq, toSeq))
  }

  /** Clears data and salt of the chosen events and nothing else; returns how many. The chain still verifies. */
  erase(select: (event: JournalEvent) => boolean): number {
    if (!this.exists) return 0
    return this.storage.transaction(() =>
      eraseEvents(this.#exec, (event) => select(this.#upcast(event))),
    )
  }

  /**
   * The alarm: due timers, sockets, outbox, retention. Never throws; what fails is observed and comes back after a
   * backoff. The next alarm is set whatever happens. A timer's handler takes its timer by `apply` with `timerInput`;
   * one that throws, or leaves the timer standing, is called again after a backoff.
   */
  alarm(onTimer: (timer: FiredTimer) => void | Promise<void>): Promise<void> {
    if (!this.exists) return Promise.resolve()
    const { now } = this.#options
    const { random } = this.#entropy
    const exec = this.#exec
    const timers = () => fireTimers({ exec, now, random, observe: this.#observe }, onTimer)
    const look = async () => {
      await timers().catch(this.#faulty('timers'))
      // For the destinations that do not hang. What is under way then is waited for by the next alarm.
      void this.#outbox.drain().catch(this.#faulty('outbox'))
    }
    return this.#alarm.run([
      ['timers', timers],
      ['sockets', () => this.#follower?.alarm(now())],
      ['outbox', () => meanwhile(this.#outbox.drain(), look)],
      ['tidy', () => this.storage.transaction(() => this.#upkeep.tidy(now()))],
    ])
  }

  /** Asks for the alarm now. */
  wake(): void {
    if (this.exists) void this.#alarm.at(this.#options.now())
  }

  /** Sets the alarm to whatever is due first, when that is not what it is set to. */
  rearm(): void {
    if (this.exists) this.#alarm.rearm()
  }

  /** What is committed while an alarm is under way need not wait for its slowest destination. */
  #sendMeanwhile(): void {
    if (!this.#alarm.running || !this.#outbox.waits()) return
    queueMicrotask(() => void this.#outbox.drain().catch(this.#faulty('outbox')))
  }

  readonly #exec: JournalStorage['exec'] = (sql, ...bindings) => this.storage.exec(sql, ...bindings)
  readonly #observe = (what: JournalObservation): void => this.#options.observe?.(what)
  readonly #faulty = (where: string) => (error: unknown) =>
    this.#observe({ type: 'fault', where, error })

  #commit<T>(
    input: JournalInput,
    decide: (now: number) => Decision<State, T>,
    name: string | undefined,
  ): Result<Applied<T>, JournalError> {
    const now = this.#options.now()
    let cause: unknown
    try {
      const result = this.storage.transaction(() => {
        try {
          return this.#write(input, decide, name, now)
        } catch (error) {
          // SQLite rolls back by itself when the disk is full, so undoing may fail with another error.
          cause = error
          throw error
        }
      })
      if (!result.ok) return result
      this.#name ??= name
      if (result.value.saved !== undefined) {
        this.#state = result.value.saved.state
        this.#stateText = result.value.saved.text
        this.#follower?.committed()
        this.rearm()
        this.#sendMeanwhile()
      }
      return ok(result.value.applied)
    } catch (error) {
      if (cause instanceof Refusal) return err(cause.error)
      if (isStorageFull(cause) || isStorageFull(error))
        return err({ code: 'storage_full', retryAfterSeconds: STORAGE_FULL_RETRY_SECONDS })
      throw error
    }
  }

  /** Runs inside the transaction. */
  #write<T>(
    input: JournalInput,
    decide: (now: number) => Decision<State, T>,
    name: string | undefined,
    now: number,
  ): Result<WrittenInput<State, T>, JournalError> {
    const context = {
      exec: this.#exec,
      exists: this.exists,
      name,
      schema: this.#options.schema,
      outbox: this.#outbox,
      object: `${this.#options.kind}/${this.#name ?? name ?? ''}`,
      salt: this.#entropy.salt,
      stateText: this.#stateText,
    }
    const written = writeInput(context, input, decide, now)
    if (written.ok && written.value.saved !== undefined && --this.#untilTidy <= 0) {
      this.#untilTidy = TIDY_EVERY_INPUTS
      this.#upkeep.tidy(now)
    }
    return written
  }

  #load(): void {
    const [row] = this.#exec<ObjectRow>('SELECT name, state FROM object')
    if (row === undefined) return
    this.#name = row.name
    this.#stateText = row.state
    this.#state = JSON.parse(row.state) as State
  }

  #upcast(event: JournalEvent): JournalEvent {
    return this.#options.upcast?.(event) ?? event
  }
}

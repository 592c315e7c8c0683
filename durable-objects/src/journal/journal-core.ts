import { err, ok, type Result } from '@menagerie/core'
import { Alarm } from './alarm.ts'
import { genesisHash } from './chain.ts'
import type { Entropy, JournalFollower } from './collaborators.ts'
import { appendEvents, eraseEvents, readBounds, readEvents, seal } from './events.ts'
import { fireTimers } from './fire-timers.ts'
import { bodyHash, findInput, forgetOldInputs, inputKey, recordInput } from './inputs.ts'
import { Outbox } from './outbox.ts'
import { readProof } from './proof.ts'
import { isStorageFull, Refusal } from './refusal.ts'
import { applyRetention, nextRetention } from './retention.ts'
import { createTables, isCreated, migrate } from './schema.ts'
import { changeTimers, nextTimer, takeTimer, timerWaits } from './timers.ts'
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
      observe: (what) => this.#observe(what),
    })
    this.#alarm = new Alarm({
      storage,
      now: options.now,
      due: () => this.#nextDue(options.now()),
      observe: (what) => this.#observe(what),
    })
    if (!isCreated(this.#exec)) return
    migrate(storage, options.schema ?? [])
    this.#load()
    this.#outbox.recover()
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
   * The alarm: due timers, outbox, retention, sockets. Never throws; what fails is observed and comes back after a
   * backoff. The next alarm is set whatever happens. A timer's handler takes its timer by `apply` with `timerInput`;
   * one that throws, or leaves the timer standing, is called again after a backoff.
   */
  alarm(onTimer: (timer: FiredTimer) => void | Promise<void>): Promise<void> {
    if (!this.exists) return Promise.resolve()
    const { now } = this.#options
    const { random } = this.#entropy
    const exec = this.#exec
    const observe = (what: JournalObservation) => this.#observe(what)
    return this.#alarm.run([
      ['timers', () => fireTimers({ exec, now, random, observe }, onTimer)],
      ['outbox', () => this.#outbox.drain()],
      ['tidy', () => this.storage.transaction(() => this.#tidy(now()))],
      ['sockets', () => this.#follower?.alarm(now())],
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

  readonly #exec: JournalStorage['exec'] = (sql, ...bindings) => this.storage.exec(sql, ...bindings)

  #commit<T>(
    input: JournalInput,
    decide: (now: number) => Decision<State, T>,
    name: string | undefined,
  ): Result<Applied<T>, JournalError> {
    const now = this.#options.now()
    const existed = this.exists
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
      if (!existed) this.#name = name
      if (result.value.saved !== undefined) {
        this.#state = result.value.saved.state
        this.#stateText = result.value.saved.text
        this.#follower?.committed()
        this.rearm()
      }
      return ok(result.value.applied)
    } catch (error) {
      if (cause instanceof Refusal) return err(cause.error)
      if (isStorageFull(cause) || isStorageFull(error))
        return err({ code: 'storage_full', retryAfterSeconds: STORAGE_FULL_RETRY_SECONDS })
      throw error
    }
  }

  /** Everything one input leads to. Runs inside the transaction. */
  #write<T>(
    input: JournalInput,
    decide: (now: number) => Decision<State, T>,
    name: string | undefined,
    now: number,
  ): Result<
    { applied: Applied<T>; saved: { state: State; text: string } | undefined },
    JournalError
  > {
    const exec = this.#exec
    const key = inputKey(input)
    const hash = bodyHash(input)
    if (this.exists) {
      const known = findInput(exec, key)
      if (known !== undefined) {
        if (known.bodyHash !== hash) return err({ code: 'idempotency_mismatch' })
        const { firstSeq, lastSeq } = known
        const outcome = JSON.parse(known.outcome) as T
        return ok({ applied: { outcome, replayed: true, firstSeq, lastSeq }, saved: undefined })
      }
      if (name !== undefined) return err({ code: 'idempotency_mismatch' })
      if (input.timer !== undefined) {
        if (!timerWaits(exec, input.timer)) return err({ code: 'not_found' })
        takeTimer(exec, input.timer)
      }
    } else {
      createTables(exec, name ?? '', genesisHash, this.#options.schema ?? [])
    }
    const decision = decide(now)
    const object = `${this.#options.kind}/${this.#name ?? name ?? ''}`
    const events = appendEvents(
      exec,
      object,
      input.actor,
      decision.events.map(seal),
      now,
      this.#entropy.salt,
    )
    const firstSeq = events[0]?.seq ?? 0
    const lastSeq = events.at(-1)?.seq ?? 0
    const outcome = JSON.stringify(decision.outcome) ?? 'null'
    recordInput(exec, key, { bodyHash: hash, firstSeq, lastSeq, outcome }, input.traceparent, now)
    const text = JSON.stringify(decision.state) ?? 'null'
    if (text !== this.#stateText) exec('UPDATE object SET state = ?', text)
    decision.save?.()
    this.#outbox.add(decision.outbox?.(events) ?? [], firstSeq || readBounds(exec).head.seq, now)
    changeTimers(exec, decision.timers ?? [])
    if (--this.#untilTidy <= 0) this.#tidy(now)
    const applied = { outcome: decision.outcome, replayed: false, firstSeq, lastSeq }
    return ok({ applied, saved: { state: decision.state, text } })
  }

  #load(): void {
    const [row] = this.#exec<ObjectRow>('SELECT name, state FROM object')
    if (row === undefined) return
    this.#name = row.name
    this.#stateText = row.state
    this.#state = JSON.parse(row.state) as State
  }

  /** Runs inside a transaction. */
  #tidy(now: number): void {
    this.#untilTidy = TIDY_EVERY_INPUTS
    forgetOldInputs(this.#exec, now)
    this.#outbox.tidy(now)
    if (this.#options.retention) applyRetention(this.#exec, this.#options.retention, now)
  }

  #nextDue(now: number): number | undefined {
    const due = [
      nextTimer(this.#exec),
      this.#outbox.nextDue(now),
      this.#follower?.nextDue(),
      this.#nextRetention(now),
    ].filter((at) => at !== undefined)
    return due.length === 0 ? undefined : Math.min(...due)
  }

  #nextRetention(now: number): number | undefined {
    if (this.#options.retention === undefined) return undefined
    const due = nextRetention(this.#exec, this.#options.retention)
    if (due === undefined || due > now) return due
    // What waits in the outbox holds old events back, and brings the alarm itself.
    return this.#outbox.waits() ? undefined : due
  }

  #upcast(event: JournalEvent): JournalEvent {
    return this.#options.upcast?.(event) ?? event
  }

  #observe(what: JournalObservation): void {
    this.#options.observe?.(what)
  }
}

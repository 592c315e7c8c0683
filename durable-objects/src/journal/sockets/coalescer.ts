/** The longest an event is held back to travel with others. */
const HOLD_MS = 10
/** The same in a crowd, where every frame that is saved is one less for all to wait for. */
const CROWDED_HOLD_MS = 50
/**
 * More deliveries a second than this are a crowd. One frame costs about 50 µs for each socket, so that an object which
 * flushes every 10 ms would do nothing else.
 */
const CROWD_PER_MS = 20
/** A timer that is later than this belongs to an object that is busy: then the next event brings the flush. */
const LATE_MS = 40

/** What a flush did. */
export interface Flushed {
  /** Events times the sockets that got them. */
  deliveries: number
  /** Some socket has more to get than one flush may send. */
  more: boolean
}

/**
 * Decides when to flush. The first event after a quiet moment goes at the end of the current turn, with all that the
 * turn made; what comes within the next 10 ms goes together at their end, in a crowd within 50 ms. A quiet object
 * has no timer, so it can hibernate.
 */
export class Coalescer {
  readonly #flush: () => Flushed
  readonly #now: () => number
  readonly #quiet: () => void
  readonly #later: (run: () => void, ms: number) => void
  #wanted = false
  #cooling = false
  #queued = false
  #flushedAt = 0
  #hold = HOLD_MS
  /** Only the last flush's timer counts. */
  #turn = 0

  /**
   * @param now milliseconds
   * @param quiet told after a flush that nothing followed while events are held, when no timer is left
   */
  constructor(
    flush: () => Flushed,
    now: () => number,
    quiet: () => void,
    later: (run: () => void, ms: number) => void = (run, ms) => void setTimeout(run, ms),
  ) {
    this.#flush = flush
    this.#now = now
    this.#quiet = quiet
    this.#later = later
  }

  request(): void {
    this.#wanted = true
    if (this.#queued) return
    // The clock stands still within a turn, so this counts the flush itself too: to go by the hold alone would make an object
    // whose flushes take that long flush for every event.
    if (this.#cooling && this.#now() - this.#flushedAt < this.#hold + LATE_MS) return
    this.#queued = true
    queueMicrotask(() => {
      this.#queued = false
      this.#run()
    })
  }

  #run(): void {
    if (!this.#wanted) return
    this.#wanted = false
    const now = this.#now()
    // What came late carries more, and is no crowd for that.
    const gathered = Math.max(this.#hold, now - this.#flushedAt)
    this.#flushedAt = now
    const { deliveries, more } = this.#flush()
    this.#wanted ||= more
    this.#cooling = deliveries > 0 || more
    // A timer that was late counts no more, and no other will tell.
    if (!this.#cooling) this.#quiet()
    // Held as long as the crowd lasts: what a flush carries grows with the hold, so this stays where it is.
    this.#hold = deliveries > CROWD_PER_MS * gathered ? CROWDED_HOLD_MS : HOLD_MS
    this.#turn += 1
    const turn = this.#turn
    if (this.#cooling) this.#later(() => this.#cooled(turn), this.#hold)
  }

  #cooled(turn: number): void {
    if (turn !== this.#turn) return
    this.#cooling = false
    if (this.#wanted) this.#run()
    else this.#quiet()
  }
}

/** The longest an event is held back to travel with others. */
const HOLD_MS = 10
/** A timer that is later than this belongs to an object that is busy: then the next event brings the flush. */
const LATE_MS = 50

/** What a flush did. */
export interface Flushed {
  sent: boolean
  /** Some socket has more to get than one flush may send. */
  more: boolean
}

/**
 * Decides when to flush. The first event after a quiet moment goes at the end of the current turn, with all that the
 * turn made; what comes within the next 10 ms goes together at their end. A quiet object has no timer, so it can
 * hibernate.
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
  /** Only the last flush's timer counts. */
  #turn = 0

  /**
   * @param now milliseconds
   * @param quiet told after a flush that nothing followed for 10 ms, while no timer is left
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
    // The clock stands still within a turn, so this counts the flush itself too: to go by 10 ms here would make an object
    // whose flushes take that long flush for every event.
    if (this.#cooling && this.#now() - this.#flushedAt < LATE_MS) return
    this.#queued = true
    queueMicrotask(() => {
      this.#queued = false
      this.#run()
    })
  }

  #run(): void {
    if (!this.#wanted) return
    this.#wanted = false
    this.#flushedAt = this.#now()
    const { sent, more } = this.#flush()
    this.#wanted ||= more
    this.#cooling = sent || more
    this.#turn += 1
    const turn = this.#turn
    if (this.#cooling) this.#later(() => this.#cooled(turn), HOLD_MS)
  }

  #cooled(turn: number): void {
    if (turn !== this.#turn) return
    this.#cooling = false
    if (this.#wanted) this.#run()
    else this.#quiet()
  }
}

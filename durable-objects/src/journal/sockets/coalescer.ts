/** The longest an event is held back to travel with others. */
const HOLD_MS = 10

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
  readonly #later: (run: () => void, ms: number) => void
  #wanted = false
  #cooling = false
  #queued = false
  #flushedAt = 0
  /** Only the last flush's timer counts. */
  #turn = 0

  constructor(
    flush: () => Flushed,
    now: () => number,
    later: (run: () => void, ms: number) => void = (run, ms) => void setTimeout(run, ms),
  ) {
    this.#flush = flush
    this.#now = now
    this.#later = later
  }

  request(): void {
    this.#wanted = true
    if (this.#queued) return
    // A busy object's timers come late: then the next event brings the flush.
    if (this.#cooling && this.#now() - this.#flushedAt < HOLD_MS) return
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
    this.#run()
  }
}

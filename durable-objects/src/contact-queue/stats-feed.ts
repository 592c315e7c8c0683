/** Numbers are pushed at most so often. */
const EVERY_MS = 250

/**
 * Tells of changes at once, and at most four times a second; the last change is always told. A quiet queue has no
 * timer, so it can hibernate.
 */
export class StatsFeed {
  readonly #tell: () => void
  readonly #now: () => number
  readonly #later: (run: () => void, ms: number) => void
  #toldAt = Number.NEGATIVE_INFINITY
  #waits = false

  constructor(
    tell: () => void,
    now: () => number,
    later: (run: () => void, ms: number) => void = (run, ms) => void setTimeout(run, ms),
  ) {
    this.#tell = tell
    this.#now = now
    this.#later = later
  }

  /** Something has changed. */
  changed(): void {
    if (this.#waits) return
    const wait = this.#toldAt + EVERY_MS - this.#now()
    if (wait <= 0) {
      this.#send()
      return
    }
    this.#waits = true
    // A clock that was set back must not silence the feed.
    this.#later(
      () => {
        this.#waits = false
        this.#send()
      },
      Math.min(wait, EVERY_MS),
    )
  }

  #send(): void {
    this.#toldAt = this.#now()
    this.#tell()
  }
}

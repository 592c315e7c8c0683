/**
 * Lets what comes while a commit is under way wait for it, and then does all of it in one turn: what one turn writes is
 * one commit, so a crowd waits for the disk once. What comes to a quiet object is done at once.
 */
export class Turns {
  readonly #settled: () => Promise<void>
  #waiting: (() => void)[] = []
  #busy = false

  /** @param settled resolved once all that was written so far is on disk */
  constructor(settled: () => Promise<void>) {
    this.#settled = settled
  }

  /** Does it now, or after the commit that is under way; always in the order of the calls. */
  async run<T>(work: () => T | Promise<T>): Promise<T> {
    if (!this.#busy) {
      this.#hold()
      return work()
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push(() => {
        // Synchronous up to its first `await`, so that all of them write in one turn.
        const begin = async () => work()
        begin().then(resolve, reject)
      })
    })
  }

  /** Does what waits without waiting longer. */
  catchUp(): void {
    for (const work of this.#waiting.splice(0)) work()
  }

  #hold(): void {
    this.#busy = true
    // Not before the work, which is called in this same turn.
    queueMicrotask(() => void this.#settled().then(this.#next, this.#next))
  }

  /** After a failed commit too: the platform ends an object whose disk fails, and nothing may wait for ever until then. */
  readonly #next = (): void => {
    this.#busy = false
    if (this.#waiting.length === 0) return
    this.#hold()
    this.catchUp()
  }
}

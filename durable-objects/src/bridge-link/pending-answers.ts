/** What a bridge said to something it was asked to do; `gone` when it cannot answer any more. */
export type BridgeSaid = { ok: boolean; detail?: string } | 'late' | 'gone'

interface Waiting {
  generation: number
  settle: (said: BridgeSaid) => void
}

/**
 * Questions to a bridge that wait for their answer. Kept in memory alone: the caller waits too, and what is asked must
 * not be stored.
 */
export class PendingAnswers {
  readonly #waiting = new Map<string, Waiting>()

  /** Waits for the answer of one connection. */
  wait(id: string, generation: number, timeoutMs: number): Promise<BridgeSaid> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#settle(id, 'late'), timeoutMs)
      const settle = (said: BridgeSaid) => {
        clearTimeout(timer)
        resolve(said)
      }
      this.#waiting.set(id, { generation, settle })
    })
  }

  /** A bridge has answered; an answer that nobody waits for, or of another connection than was asked, is dropped. */
  answered(id: string, generation: number, said: { ok: boolean; detail?: string }): void {
    if (this.#waiting.get(id)?.generation === generation) this.#settle(id, said)
  }

  /** A connection has gone: it will not answer. */
  gone(generation: number): void {
    for (const [id, waiting] of this.#waiting)
      if (waiting.generation === generation) this.#settle(id, 'gone')
  }

  #settle(id: string, said: BridgeSaid): void {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    waiting?.settle(said)
  }
}

const KEY = 'counted-sockets'

/** How many sockets the series knows of: kept, since a crash takes sockets without a word. */
export class SocketCount {
  readonly #kv: DurableObjectStorage['kv']

  constructor(kv: DurableObjectStorage['kv']) {
    this.#kv = kv
  }

  add(change: number): void {
    this.#kv.put(KEY, this.#counted() + change)
  }

  /** Takes those that are not open any more out; returns how many there were. */
  loseAllBut(open: number): number {
    const lost = this.#counted() - open
    if (lost > 0) this.#kv.put(KEY, open)
    return Math.max(0, lost)
  }

  #counted(): number {
    return this.#kv.get<number>(KEY) ?? 0
  }
}

import type { Received } from './received.ts'

/** What one cut may hold. */
export interface CutLimits {
  messages: number
  bytes: number
}

/**
 * The messages that were taken from the broker and are not acknowledged to it yet. Pure: no clock, no I/O.
 *
 * - What waits is grouped by device in the order of arrival: a batch of few devices costs the edge far less than one of
 *   many, and no device can be passed over for ever.
 * - While messages of a device are under way no other batch holds any of it, so that its order is kept.
 * - Acknowledgements come out in the order of arrival (MQTT 5 §4.6, MQTT-4.6.0-2), and only for the connection that the
 *   message came by: a packet identifier means something else on the next one.
 */
export class ReceiveWindow {
  #generation = 0
  #size = 0
  #bytes = 0
  #waiting = 0
  /** By device, oldest group first. */
  readonly #groups = new Map<string, Received[]>()
  readonly #underWay = new Set<string>()
  /** QoS 1 of this generation, in the order of arrival; what lies before the head is gone, and not held on to. */
  #order: (Received | undefined)[] = []
  #head = 0

  /** Counts the broker connections. */
  get generation(): number {
    return this.#generation
  }
  /** Messages taken and not acknowledged. */
  get size(): number {
    return this.#size
  }
  /** Their bytes as JSON. */
  get bytes(): number {
    return this.#bytes
  }
  /** Messages that are in no batch. */
  get waiting(): number {
    return this.#waiting
  }
  /** Arrival of the oldest message that is not acknowledged, where there is one. */
  get oldestArrival(): number | undefined {
    return this.#order[this.#head]?.arrivedAt
  }

  take(received: Received): void {
    this.#size++
    this.#bytes += received.bytes
    this.#waiting++
    if (received.qos === 1) this.#order.push(received)
    const group = this.#groups.get(received.device)
    if (group === undefined) this.#groups.set(received.device, [received])
    else group.push(received)
  }

  /**
   * The next batch, at least one message however large it is; empty when every device that waits is under way or is to be
   * left alone now.
   */
  cut(limits: CutLimits, rests: ReadonlyMap<string, unknown> = none): Received[] {
    const batch: Received[] = []
    let bytes = 0
    for (const [device, group] of this.#groups) {
      if (batch.length >= limits.messages) break
      if (this.#underWay.has(device) || rests.has(device)) continue
      let taken = 0
      for (const received of group) {
        if (batch.length >= limits.messages) break
        if (batch.length > 0 && bytes + received.bytes > limits.bytes) break
        bytes += received.bytes
        received.state = 'posting'
        batch.push(received)
        taken++
      }
      if (taken > 0) this.#underWay.add(device)
      if (taken === group.length) this.#groups.delete(device)
      else {
        group.splice(0, taken)
        break
      }
    }
    this.#waiting -= batch.length
    return batch
  }

  /**
   * The edge has stored these.
   *
   * @returns what may be acknowledged to the broker now, in this order
   */
  settle(batch: readonly Received[]): Received[] {
    for (const received of batch) {
      if (received.state !== 'posting') continue
      if (received.qos === 0 || this.isStale(received)) this.#leave(received)
      else received.state = 'settled'
    }
    const ready: Received[] = []
    for (;;) {
      const first = this.#order[this.#head]
      if (first?.state !== 'settled') break
      this.#leave(first)
      ready.push(first)
      this.#order[this.#head++] = undefined
    }
    if (this.#head > 1_000 || this.#head === this.#order.length) {
      this.#order = this.#order.slice(this.#head)
      this.#head = 0
    }
    return ready
  }

  /** The edge has not stored these of a batch: they wait again, before what has come of their devices since. */
  putBack(batch: readonly Received[]): void {
    const waiting = this.withoutStale(batch).filter(({ state }) => state === 'posting')
    for (const received of waiting.toReversed()) {
      received.state = 'waiting'
      this.#waiting++
      const group = this.#groups.get(received.device)
      if (group === undefined) this.#groups.set(received.device, [received])
      else group.unshift(received)
    }
  }

  /** Those of a batch that are still worth sending; the broker sends the others again by its new connection. */
  withoutStale(batch: readonly Received[]): Received[] {
    return batch.filter((received) => {
      if (!this.isStale(received)) return true
      if (received.state === 'posting') this.#leave(received)
      return false
    })
  }

  /** A batch is over, whatever became of it: its devices may be in another. */
  release(batch: readonly Received[]): void {
    for (const { device } of batch) this.#underWay.delete(device)
  }

  /** The connection has ended. What waits of QoS 1 is forgotten, since the broker sends it again; QoS 0 stays. */
  nextGeneration(): void {
    this.#generation++
    for (const received of this.#order) {
      if (received === undefined) continue
      // What is on its way to the edge counts until it has arrived or was given up.
      if (received.state === 'waiting') this.#waiting--
      if (received.state !== 'posting') this.#leave(received)
    }
    this.#order = []
    this.#head = 0
    for (const [device, group] of this.#groups) {
      const kept = group.filter(({ state }) => state === 'waiting')
      if (kept.length === 0) this.#groups.delete(device)
      else this.#groups.set(device, kept)
    }
  }

  isStale({ qos, generation }: Received): boolean {
    return qos === 1 && generation !== this.#generation
  }

  #leave(received: Received): void {
    received.state = 'gone'
    this.#size--
    this.#bytes -= received.bytes
  }
}

const none: ReadonlyMap<string, unknown> = new Map()

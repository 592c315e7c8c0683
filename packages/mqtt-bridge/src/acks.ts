import type { BridgeAck } from '@menagerie/contracts'

/** The newest acknowledgement of each device that was not published yet. Pure. */
export class AckBoard {
  readonly #newest = new Map<string, BridgeAck>()

  get size(): number {
    return this.#newest.size
  }

  /** An older epoch or a lower number never replaces a newer one: answers may overtake each other. */
  note(acks: readonly BridgeAck[]): void {
    for (const ack of acks) {
      const known = this.#newest.get(ack.deviceId)
      if (known === undefined || isNewer(ack, known)) this.#newest.set(ack.deviceId, ack)
    }
  }

  /** All, and forgets them. */
  collect(): BridgeAck[] {
    const all = [...this.#newest.values()]
    this.#newest.clear()
    return all
  }
}

const isNewer = (ack: BridgeAck, known: BridgeAck): boolean =>
  ack.epoch === known.epoch ? ack.ackedThrough > known.ackedThrough : ack.epoch > known.epoch

import { assert } from './assert.ts'
import type { Random } from './random.ts'

/** What is on its way. */
interface Message {
  what: string
  /** False when the receiver could not keep it. */
  deliver: () => boolean
}

/** How badly things go. */
export interface Faults {
  /** Share of deliveries whose answer is lost: they come again. */
  lostAnswer: number
  /** Share of transactions that fail. */
  failed: number
  /** Messages arrive in any order. */
  reordered: boolean
}

export const noFaults: Faults = { lostAnswer: 0, failed: 0, reordered: false }

/** The outboxes of everybody: messages are delivered in any order, any number of times, at least once. */
export class Mail {
  faults: Faults
  readonly #random: Random
  readonly #messages: Message[] = []

  constructor(random: Random, faults: Faults) {
    this.#random = random
    this.faults = faults
  }

  send(what: string, deliver: () => boolean): void {
    this.#messages.push({ what, deliver })
  }

  /** One message arrives. */
  deliver(): void {
    if (this.#messages.length === 0) return
    const place = this.faults.reordered ? this.#random.below(this.#messages.length) : 0
    const [message] = this.#messages.splice(place, 1)
    if (message === undefined) return
    const arrived = message.deliver()
    if (!arrived || this.#random.chance(this.faults.lostAnswer)) this.#messages.push(message)
  }

  /** Everything arrives. */
  drain(): void {
    for (let count = 0; this.#messages.length > 0; count++) {
      assert(count < 20_000, `messages come to an end: ${this.#messages[0]?.what}`)
      this.deliver()
    }
  }

  /** Whether a transaction fails this time. */
  fails(): boolean {
    return this.#random.chance(this.faults.failed)
  }
}

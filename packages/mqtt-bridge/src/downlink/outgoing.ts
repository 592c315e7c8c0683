import type { Downlink } from '@menagerie/contracts'
import type { Logger } from '@menagerie/core/logger'
import { PublishRefused } from '../broker/broker-connection.ts'
import type { BridgeMetrics } from '../metrics/metrics.ts'
import { PublishedIds } from './published-ids.ts'

export interface OutgoingOptions {
  isUp(): boolean
  publish(topic: string, payload: string, options: { qos: 0 | 1; retain: boolean }): Promise<void>
  /** The broker has this message. */
  confirm(id: string): void
  metrics: BridgeMetrics
  logger: Logger
}

/**
 * Messages on their way to devices. Written to the broker in the order in which the edge sent them, each confirmed once
 * the broker has it; what a lost connection left open is written again, in order, on the next.
 */
export class Outgoing {
  readonly #options: OutgoingOptions
  readonly #published = new PublishedIds()
  /** Not confirmed, in order. */
  readonly #open = new Map<string, Downlink>()
  #unwritten: Downlink[] = []

  constructor(options: OutgoingOptions) {
    this.#options = options
  }

  /** Messages that the broker has not acknowledged. */
  get size(): number {
    return this.#open.size
  }

  take(messages: readonly Downlink[]): void {
    for (const message of messages) {
      if (this.#published.has(message.id)) this.#options.confirm(message.id)
      else if (!this.#open.has(message.id)) {
        this.#open.set(message.id, message)
        this.#unwritten.push(message)
      }
    }
    this.#write()
  }

  /** The broker is there again. */
  resume(): void {
    this.#unwritten = [...this.#open.values()]
    this.#write()
  }

  #write(): void {
    if (!this.#options.isUp()) return
    const messages = this.#unwritten
    this.#unwritten = []
    for (const message of messages) void this.#send(message)
  }

  async #send(message: Downlink): Promise<void> {
    const { id, topic, payload, qos, retain } = message
    const { publish, confirm, metrics, logger } = this.#options
    try {
      await publish(topic, JSON.stringify(payload), { qos, retain })
      this.#open.delete(id)
      this.#published.add(id)
      confirm(id)
    } catch (error) {
      if (!(error instanceof PublishRefused)) return
      // Not confirmed, since the device did not get it; the edge brings it again with the next socket.
      this.#open.delete(id)
      metrics.publishesRefused.inc()
      logger.error('the broker refuses a message to a device', { topic, error })
    }
  }
}

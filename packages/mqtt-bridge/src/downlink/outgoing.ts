import type { Downlink } from '@menagerie/contracts'
import type { Logger } from '@menagerie/core/logger'
import { PublishRefused } from '../broker/broker-connection.ts'
import type { BridgeMetrics } from '../metrics/metrics.ts'
import { PublishedIds } from './published-ids.ts'

/** How a message goes to the broker; the properties where it speaks MQTT 5. */
export interface PublishOptions {
  qos: 0 | 1
  retain: boolean
  properties?: {
    responseTopic?: string
    correlationData?: Buffer
    /** Seconds. */
    messageExpiryInterval?: number
  }
}

export interface OutgoingOptions {
  isUp(): boolean
  publish(topic: string, payload: string, options: PublishOptions): Promise<void>
  /** The broker has this message. */
  confirm(id: string): void
  metrics: BridgeMetrics
  logger: Logger
  /** Milliseconds since the epoch. */
  now?: () => number
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

  /** Another bridge has the link: the edge gives it what was not confirmed. */
  forget(): void {
    this.#open.clear()
    this.#unwritten = []
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
    const { id, topic, payload } = message
    const { publish, confirm, metrics, logger, now = Date.now } = this.#options
    const options = optionsOf(message, now())
    if (options === 'over') {
      // Confirmed as if it had been published: nobody wants it any more.
      this.#open.delete(id)
      metrics.expired.inc()
      confirm(id)
      return
    }
    try {
      await publish(topic, JSON.stringify(payload), options)
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

/** `over` when the message's time has passed. */
function optionsOf(message: Downlink, now: number): PublishOptions | 'over' {
  const { qos, retain, responseTopic, correlationData, expiresAt } = message
  const left = expiresAt === undefined ? undefined : Date.parse(expiresAt) - now
  if (left !== undefined && left <= 0) return 'over'
  const properties = {
    ...(responseTopic === undefined ? {} : { responseTopic }),
    ...(correlationData === undefined
      ? {}
      : { correlationData: Buffer.from(correlationData, 'base64') }),
    ...(left === undefined ? {} : { messageExpiryInterval: Math.ceil(left / 1000) }),
  }
  return Object.keys(properties).length === 0 ? { qos, retain } : { qos, retain, properties }
}

import type { Downlink } from '@menagerie/contracts'
import type { Logger } from '@menagerie/core/logger'
import { PublishRefused } from '../broker/broker-client.ts'
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

/** By so many sockets of the edge, one after the other, the broker refuses a topic before its messages are given up. */
const MOST_REFUSALS = 3
/** Topics whose refusals are remembered; every command has one of its own. */
const MOST_TOPICS = 1_000

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
  /** By topic: sockets by which it was refused. */
  readonly #refusals = new Map<string, number>()
  /** Topics that were refused by this socket of the edge: what comes later must not overtake what was refused. */
  readonly #refused = new Set<string>()

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
      else if (!this.#open.has(message.id) && !this.#isRefused(message)) {
        this.#open.set(message.id, message)
        this.#unwritten.push(message)
      }
    }
    this.#write()
  }

  /** The edge has a new socket, and brings by it again, in order, what was not confirmed. */
  begin(): void {
    this.#refused.clear()
  }

  /** Another bridge has the link: the edge gives it what was not confirmed. */
  forget(): void {
    this.#refusals.clear()
    this.#refused.clear()
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
    // At most once: whether it was on its way when the connection ended, nobody can say, so it is not written again.
    if (options.qos === 0) this.#settled(id)
    try {
      await publish(topic, JSON.stringify(payload), options)
      this.#refusals.delete(topic)
      if (options.qos === 1) this.#settled(id)
    } catch (error) {
      if (!(error instanceof PublishRefused)) return
      // The edge brings it again with its next socket: somebody may have given the bridge the right meanwhile. Not for
      // ever, since it holds back what waits behind a thousand like it.
      const isGivenUp = options.qos === 0 || this.#countRefusal(topic) >= MOST_REFUSALS
      metrics.publishesRefused.inc()
      logger.error('the broker refuses a message to a device', { topic, error, isGivenUp })
      if (isGivenUp) this.#settled(id)
      else this.#open.delete(id)
    }
  }

  #isRefused({ topic, qos }: Downlink): boolean {
    return qos === 1 && this.#refused.has(topic)
  }

  /** @returns by how many sockets the topic was refused; several messages of one socket count once */
  #countRefusal(topic: string): number {
    const before = this.#refusals.get(topic) ?? 0
    if (this.#refused.has(topic)) return before
    this.#refused.add(topic)
    this.#refusals.delete(topic)
    this.#refusals.set(topic, before + 1)
    if (this.#refusals.size > MOST_TOPICS)
      for (const oldest of this.#refusals.keys()) {
        this.#refusals.delete(oldest)
        break
      }
    return before + 1
  }

  #settled(id: string): void {
    this.#open.delete(id)
    this.#published.add(id)
    this.#options.confirm(id)
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

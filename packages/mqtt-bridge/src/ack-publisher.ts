import type { BridgeAck } from '@menagerie/contracts'
import type { Logger } from '@menagerie/core/logger'
import { AckBoard } from './acks.ts'
import { PublishRefused } from './broker/broker-client.ts'
import { acksTopicOf } from './broker/topics.ts'
import type { BridgeMetrics } from './metrics/metrics.ts'

/** Well under the 200 ms that the contract allows. */
const COALESCE_MS = 50
/** A broker that takes its time gets the newest of each device then, and not all of them. */
const MOST_UNDER_WAY = 1_000

export interface AckPublisherOptions {
  isUp(): boolean
  publish(topic: string, payload: string, options: { qos: 1; retain: false }): Promise<void>
  metrics: BridgeMetrics
  logger: Logger
}

/** Tells devices what they may forget: the newest of what came together, as soon as the broker is there. */
export class AckPublisher {
  readonly #board = new AckBoard()
  readonly #options: AckPublisherOptions
  readonly #underWay = new Set<Promise<void>>()
  #timer: NodeJS.Timeout | undefined

  constructor(options: AckPublisherOptions) {
    this.#options = options
  }

  note(acks: readonly BridgeAck[]): void {
    this.#board.note(acks)
    this.schedule()
  }

  /** Also called when the broker is there again. */
  schedule(): void {
    if (this.#board.size === 0 || !this.#options.isUp()) return
    if (this.#underWay.size >= MOST_UNDER_WAY) return
    this.#timer ??= setTimeout(() => this.#publish(), COALESCE_MS)
  }

  /** Publishes what is left and waits for the broker's word on it. */
  async flush(): Promise<void> {
    this.#publish()
    await Promise.all(this.#underWay)
  }

  #publish(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (!this.#options.isUp()) return
    for (const ack of this.#board.collect()) {
      const work = this.#send(ack).finally(() => {
        this.#underWay.delete(work)
        this.schedule()
      })
      this.#underWay.add(work)
    }
  }

  async #send(ack: BridgeAck): Promise<void> {
    const { deviceId, epoch, ackedThrough } = ack
    const { publish, metrics, logger } = this.#options
    try {
      const payload = JSON.stringify({ epoch, ackedThrough })
      await publish(acksTopicOf(deviceId), payload, { qos: 1, retain: false })
      metrics.acksPublished.inc()
    } catch (error) {
      // Not by whether the connection is up: a client that gives it up says so before the connection has ended.
      if (error instanceof PublishRefused) {
        metrics.publishesRefused.inc()
        logger.error('the broker refuses an acknowledgement to a device', { error })
      } else this.#board.note([ack])
    }
  }
}

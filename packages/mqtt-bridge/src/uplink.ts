import { type BridgeAck, type BridgeResult, MAX_BRIDGE_BYTES } from '@menagerie/contracts'
import { ArrivalTimes } from './arrival-times.ts'
import { backoffMs, pause } from './backoff.ts'
import { DeviceTroubles } from './device-troubles.ts'
import { ReceiveWindow } from './receive-window.ts'
import { type PublishPacket, type Received, toReceived, toRecord } from './received.ts'
import type { Handled, UplinkOptions, UplinkStatus } from './uplink-types.ts'

/** How long a message waits for others to go with it. */
const LINGER_MS = 2
const MOST_BACKOFF_MS = 2_000
/** Room for what stands around the messages of a request. */
const CUT_BYTES = MAX_BRIDGE_BYTES - 10_000
/** However few messages they are, no more is held in memory. */
const MAX_BYTES_IN_FLIGHT = 8_000_000
const REFUSED_LOG_INTERVAL_MS = 30_000
/** So often a single message is refused outright before its record is sent in its place. */
const POISON_REFUSALS = 5

/** From the broker to the edge: withholds the acknowledgement of a message until the edge has stored it. */
export class Uplink {
  readonly #window = new ReceiveWindow()
  readonly #arrivals = new ArrivalTimes()
  readonly #options: UplinkOptions
  readonly #now: () => number
  readonly #stopped = new AbortController()
  readonly #troubles: DeviceTroubles
  #underWay = new Set<Promise<void>>()
  #linger: NodeJS.Timeout | undefined
  #held: Handled | undefined
  #draining = false
  #failingSince: number | undefined
  #progressAt: number
  #refusedLoggedAt = Number.NEGATIVE_INFINITY

  constructor(options: UplinkOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
    this.#progressAt = this.#now()
    this.#troubles = new DeviceTroubles({
      logger: options.logger,
      now: this.#now,
      onRested: () => this.#schedule(),
    })
  }

  get status(): UplinkStatus {
    return {
      inFlight: this.#window.size,
      failingSince: this.#failingSince,
      progressAt: this.#progressAt,
      blocking: this.#troubles.blocking(),
      troubled: this.#troubles.size,
    }
  }

  /**
   * `handleMessage` of the MQTT client. Never throws: that would stop the client's reader for ever.
   *
   * `handled` gets an error at once, so that the client reads on and sends no PUBACK of its own. At the limit it is
   * kept instead: the client then reads nothing more, and TCP slows the broker down.
   */
  receive(packet: PublishPacket, handled: Handled): void {
    try {
      if (this.#draining) {
        handled(deferred)
        return
      }
      if (this.#window.size === 0) this.#progressAt = this.#now()
      const now = this.#now()
      const { generation } = this.#window
      this.#window.take(toReceived(packet, generation, now, this.#arrivals.next(now)))
      this.#options.metrics.messages.inc({ direction: 'up', qos: String(packet.qos) })
      this.#schedule()
      if (this.#hasRoom()) handled(deferred)
      else this.#held = handled
    } catch (error) {
      this.#options.logger.error('a message could not be taken; it stays with the broker', {
        error,
      })
      handled(deferred)
    }
  }

  /** The edge was asked and answers: what failed before says nothing about what comes. */
  edgeAnswered(): void {
    this.#failingSince = undefined
    this.#progressAt = this.#now()
  }

  /** The broker connection has ended. */
  disconnected(): void {
    this.#held = undefined
    // The next one has a time of its own: it must not be given up for what hung on this one.
    this.#progressAt = this.#now()
    this.#window.nextGeneration()
  }

  /** Takes nothing more, and waits until what was taken is stored and acknowledged, or until the time is over. */
  async drain(timeoutMs: number): Promise<void> {
    this.#draining = true
    this.#letGo()
    const timer = setTimeout(() => this.#stopped.abort(), timeoutMs)
    while (this.#window.size > 0 && !this.#stopped.signal.aborted) {
      this.#post()
      if (this.#underWay.size === 0) break
      await Promise.race(this.#underWay)
    }
    clearTimeout(timer)
    clearTimeout(this.#linger)
    this.#troubles.stop()
    this.#stopped.abort()
    await Promise.all(this.#underWay)
  }

  #hasRoom(): boolean {
    return this.#window.size < this.#options.maxInFlight && this.#window.bytes < MAX_BYTES_IN_FLIGHT
  }

  #letGo(): void {
    const held = this.#held
    this.#held = undefined
    held?.(deferred)
  }

  #schedule(): void {
    if (this.#window.waiting === 0 || this.#stopped.signal.aborted) return
    if (this.#window.waiting >= this.#options.batchSize) this.#post()
    this.#linger ??= setTimeout(() => {
      this.#linger = undefined
      this.#post()
    }, LINGER_MS)
  }

  #post(): void {
    while (this.#underWay.size < this.#options.batchesInFlight) {
      const limits = { messages: this.#options.batchSize, bytes: CUT_BYTES }
      const batch = this.#window.cut(limits, this.#troubles.rests)
      if (batch.length === 0) return
      const work = this.#deliver(batch)
        .catch((error: unknown) => this.#options.logger.error('a batch was given up', { error }))
        .finally(() => {
          this.#underWay.delete(work)
          this.#window.release(batch)
          if (!this.#stopped.signal.aborted) this.#post()
        })
      this.#underWay.add(work)
    }
  }

  /**
   * Returns when each is stored, waits again since its device's twin has failed, or will be sent again by the broker by a
   * newer connection.
   */
  async #deliver(batch: readonly Received[]): Promise<void> {
    const { signal } = this.#stopped
    let refusals = 0
    for (let attempt = 0; ; attempt++) {
      const left = this.#window.withoutStale(batch)
      if (left.length === 0 || signal.aborted) return
      const hold = this.#troubles.toBeHeld(left.map(({ device }) => device))
      const outcome = await this.#options.post(left, hold, signal)
      switch (outcome.type) {
        case 'stored':
          this.#answered(left, outcome.answer)
          return
        case 'failed': {
          this.#troubles.allFailed()
          this.#failed(outcome.reason, left.length)
          const wait = backoffMs(attempt, MOST_BACKOFF_MS, Math.random())
          await pause(Math.max(wait, Math.min(outcome.retryAfterMs ?? 0, MOST_BACKOFF_MS)), signal)
          break
        }
        case 'refused': {
          if (hold.length > 0) {
            // An edge of an older version, which does not know the word; none of the messages is at fault.
            this.#troubles.forget()
            break
          }
          if (left.length > 1) {
            // One of them is at fault; the others must not suffer for it.
            const half = Math.ceil(left.length / 2)
            await this.#deliver(left.slice(0, half))
            await this.#deliver(left.slice(half))
            return
          }
          if (++refusals === POISON_REFUSALS && (await this.#recorded(left))) return
          this.#refused(outcome, left)
          const isEarly = refusals < POISON_REFUSALS
          const wait = isEarly ? backoffMs(refusals, 500, Math.random()) : MOST_BACKOFF_MS
          await pause(wait, signal)
          break
        }
      }
    }
  }

  /** Has the edge keep a dead letter instead of the message; false where it refuses that too, or cannot now. */
  async #recorded(batch: readonly Received[]): Promise<boolean> {
    const outcome = await this.#options.post(batch.map(toRecord), [], this.#stopped.signal)
    if (outcome.type !== 'stored' || outcome.answer.results[0]?.result !== 'rejected') return false
    this.#options.metrics.recorded.inc()
    this.#options.logger.error(
      'the edge refuses a message; it has its beginning as a dead letter',
      {
        device: batch[0]?.device,
        bytes: batch[0]?.bytes,
      },
    )
    this.#answered(batch, outcome.answer)
    return true
  }

  #answered(
    batch: readonly Received[],
    answer: { results: readonly BridgeResult[]; acks: readonly BridgeAck[] },
  ): void {
    const { metrics, onAcks, logger } = this.#options
    const stored: Received[] = []
    const again: Received[] = []
    /** The last result of each device, or that one of its messages comes again. */
    const devices = new Map<string, BridgeResult['result']>()
    for (const [index, received] of batch.entries()) {
      const { result = 'retry', code } = answer.results[index] ?? {}
      metrics.results.inc({ result })
      if (result === 'retry') again.push(received)
      else stored.push(received)
      if (devices.get(received.device) !== 'retry') devices.set(received.device, result)
      if (result === 'rejected')
        logger.debug('the edge rejected and recorded a message', { rejection: code })
    }
    this.#window.putBack(again)
    for (const [device, result] of devices) this.#troubles.learn(device, result)
    if (stored.length > 0) this.#stored(stored)
    else if (this.#troubles.isWidespread) this.#failed('no twin takes messages', again.length)
    onAcks(answer.acks)
    if (this.#hasRoom()) this.#letGo()
  }

  #stored(batch: readonly Received[]): void {
    const { metrics, puback, logger } = this.#options
    const now = this.#now()
    if (this.#failingSince !== undefined) logger.info('the edge takes messages again')
    this.#failingSince = undefined
    this.#progressAt = now
    for (const received of this.#window.settle(batch)) {
      puback(received.messageId)
      metrics.lag.observe(Math.max(0, now - received.arrivedAt) / 1000)
    }
  }

  #failed(reason: string, messages: number): void {
    this.#options.metrics.edgeFailures.inc()
    const since = this.#failingSince
    this.#failingSince ??= this.#now()
    // Once for an outage, not once for each attempt.
    const log = since === undefined ? this.#options.logger.warn : this.#options.logger.debug
    log('the edge did not store a batch; it is tried again', { reason, messages })
  }

  /**
   * The edge answers for each message, so a single one that it refuses outright means that the two disagree about the
   * contract. Acknowledging it would lose it; where not even a record of it is taken, it blocks what came after it until
   * somebody has looked.
   */
  #refused(outcome: { status: number; reason: string }, [received]: readonly Received[]): void {
    this.#options.metrics.refused.inc()
    const now = this.#now()
    this.#failingSince ??= now
    if (now - this.#refusedLoggedAt < REFUSED_LOG_INTERVAL_MS) return
    this.#refusedLoggedAt = now
    this.#options.logger.error(
      'the edge refuses a single message; it is held and never acknowledged',
      {
        status: outcome.status,
        reason: outcome.reason,
        device: received?.device,
        bytes: received?.bytes,
      },
    )
  }
}

const deferred = new Error('acknowledged when the edge has stored it')

import type { Logger } from '@menagerie/core/logger'
import type { MqttClient } from 'mqtt'
import { backoffMs } from '../backoff.ts'
import type { PublishOptions } from '../downlink/outgoing.ts'
import type { BridgeMetrics } from '../metrics/metrics.ts'
import type { BridgeSettings } from '../settings.ts'
import { Trouble } from '../trouble.ts'

const MOST_BACKOFF_MS = 5_000
/** Another process has taken the place over; taking it back at once would make the two fight. */
const TAKEN_OVER_PAUSE_MS = 10_000
const SESSION_TAKEN_OVER = 142
/** A connection that stood this long was a good one. */
const STEADY_MS = 5_000

export type BrokerState =
  | { name: 'connecting' }
  | { name: 'subscribing' }
  | { name: 'up' }
  | { name: 'parked'; reason: string }
  | { name: 'stopped' }

export interface BrokerClientOptions {
  settings: Pick<BridgeSettings, 'mqtt'>
  onUp(): void
  /**
   * Whether this bridge has the link for sure: asked before it returns to the broker, which may have given its place to
   * another bridge meanwhile.
   */
  mayReturn(): boolean
  metrics: BridgeMetrics
  logger: Logger
}

/**
 * A place at the broker, kept over any number of connections. Every connection has a client of its own, so that nothing of
 * an old one, such as a packet identifier, can reach the next.
 */
export abstract class BrokerClient {
  readonly #options: BrokerClientOptions
  readonly #trouble: Trouble
  readonly #name: string
  #client: MqttClient | undefined
  #state: BrokerState = { name: 'connecting' }
  #attempt = 0
  #timer: NodeJS.Timeout | undefined
  #connectedAt = Number.POSITIVE_INFINITY
  #takenOver = false
  readonly #unacknowledged = new Set<(error: Error) => void>()
  protected readonly takenOverPauseMs: number = TAKEN_OVER_PAUSE_MS

  /** @param name of its connection, for the log */
  constructor(options: BrokerClientOptions, name: string) {
    this.#options = options
    this.#name = name
    this.#trouble = new Trouble(options.logger, `the broker cannot be reached: ${name}`)
  }

  get state(): BrokerState {
    return this.#state
  }

  get isUp(): boolean {
    return this.#state.name === 'up'
  }

  /** Connects, and again whenever the connection ends. */
  start(): void {
    if (this.#client !== undefined || this.#state.name === 'stopped') return
    clearTimeout(this.#timer)
    this.#state = { name: 'connecting' }
    const client = this.connect()
    this.#client = client
    client.on('connect', ({ sessionPresent }) => {
      if (client !== this.#client) return
      this.#connectedAt = performance.now()
      this.connected(client, sessionPresent)
    })
    client.on('error', ({ message }) => this.#trouble.tell(message))
    client.on('disconnect', ({ reasonCode }) => {
      this.#takenOver = reasonCode === SESSION_TAKEN_OVER
    })
    client.on('close', () => this.#closed(client))
  }

  /** Ends the connection and stays away until `start`. */
  park(reason: string): void {
    if (this.#state.name === 'stopped') return
    clearTimeout(this.#timer)
    this.#state = { name: 'parked', reason }
    this.#client?.end(true)
    this.#drop()
  }

  /** Ends the connection; a new one follows. */
  reconnect(reason: string): void {
    this.park(reason)
    this.start()
  }

  /**
   * Resolves when the broker has acknowledged it (QoS 1) or it was written (QoS 0).
   *
   * @throws PublishRefused when the broker says no; Error when the connection ends first
   */
  publish(topic: string, payload: string, { properties, ...how }: PublishOptions): Promise<void> {
    const { settings, metrics } = this.#options
    const isNew = settings.mqtt.protocolVersion === 5
    const options = isNew && properties !== undefined ? { ...how, properties } : how
    const client = this.#client
    if (client === undefined || !this.isUp) {
      return Promise.reject(new Error('not connected to the broker'))
    }
    return new Promise((resolve, reject) => {
      this.#unacknowledged.add(reject)
      client.publish(topic, payload, options, (error) => {
        this.#unacknowledged.delete(reject)
        if (error === undefined || error === null) {
          metrics.messages.inc({ direction: 'down', qos: String(options.qos) })
          resolve()
        } else if ('code' in error && typeof error.code === 'number') {
          reject(new PublishRefused(error.message))
        } else reject(error)
      })
    })
  }

  /** Ends the connection after what was written has gone out. */
  async stop(timeoutMs: number): Promise<void> {
    clearTimeout(this.#timer)
    const client = this.#client
    this.#client = undefined
    this.#state = { name: 'stopped' }
    if (client === undefined) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, timeoutMs)
      client.end(false, {}, () => {
        clearTimeout(timer)
        resolve()
      })
    })
    client.end(true)
  }

  /** Makes the client of a new connection; whatever must stand before the first packet is set up here. */
  protected abstract connect(): MqttClient

  /** The broker has taken the connection; `up` follows once it can be used. */
  protected abstract connected(client: MqttClient, sessionPresent: boolean): void

  /** The connection is gone. */
  protected abstract dropped(): void

  /** The client of the connection that stands or is being made. */
  protected get client(): MqttClient | undefined {
    return this.#client
  }

  protected subscribing(): void {
    this.#state = { name: 'subscribing' }
  }

  protected up(): void {
    this.#state = { name: 'up' }
    this.#trouble.over()
    this.#options.onUp()
  }

  /** The connection is of no use, and soon another would not be either. */
  protected giveUp(client: MqttClient): void {
    this.#attempt = Math.max(this.#attempt, 6)
    client.end(true)
    this.#closed(client)
  }

  #closed(client: MqttClient): void {
    if (client !== this.#client) return
    const steady = performance.now() - this.#connectedAt > STEADY_MS
    if (this.#state.name === 'up') this.#options.logger.warn(`${this.#name} has ended`)
    this.#attempt = steady ? 0 : this.#attempt + 1
    this.#state = { name: 'connecting' }
    client.end(true)
    this.#drop()
    const wait = this.#takenOver
      ? this.takenOverPauseMs * (1 + Math.random())
      : backoffMs(this.#attempt, MOST_BACKOFF_MS, Math.random(), 100)
    this.#takenOver = false
    // However the connection ended: a process that was stopped for a while may not have heard why.
    const again = () => {
      if (this.#options.mayReturn()) this.start()
      else this.#state = { name: 'parked', reason: 'the link is not held for sure' }
    }
    this.#timer = setTimeout(again, wait)
  }

  #drop(): void {
    this.#client = undefined
    this.#connectedAt = Number.POSITIVE_INFINITY
    const rejects = [...this.#unacknowledged]
    this.#unacknowledged.clear()
    for (const reject of rejects) reject(new Error('the connection to the broker has ended'))
    this.dropped()
  }
}

/** The broker has answered that it does not take the message. */
export class PublishRefused extends Error {
  override name = 'PublishRefused'
}

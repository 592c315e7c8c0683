import type { Logger } from '@menagerie/core/logger'
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt'
import { backoffMs } from '../backoff.ts'
import type { PublishOptions } from '../downlink/outgoing.ts'
import type { BridgeMetrics } from '../metrics/metrics.ts'
import type { PublishPacket } from '../received.ts'
import type { BridgeSettings } from '../settings.ts'
import { Trouble } from '../trouble.ts'
import type { Handled } from '../uplink.ts'
import { addressOf } from './client-options.ts'
import { upTopicsOf } from './topics.ts'

/** A week: as long as the broker keeps what arrives while no bridge is there. */
const SESSION_EXPIRY_SECONDS = 604_800
const CONNECT_TIMEOUT_MS = 10_000
const MOST_BACKOFF_MS = 5_000
/** Another process has taken the session over; taking it back at once would make the two fight. */
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

export interface BrokerConnectionOptions {
  settings: Pick<BridgeSettings, 'mqtt' | 'maxInFlight'>
  receive(packet: PublishPacket, handled: Handled): void
  onUp(): void
  onDown(): void
  /**
   * Whether this bridge has the link for sure: asked before it returns to the broker, which may have given the session
   * to another bridge meanwhile.
   */
  mayReturn(): boolean
  metrics: BridgeMetrics
  logger: Logger
}

/**
 * The bridge's session with the broker. Every connection has a client of its own, so that nothing of an old one, such
 * as a packet identifier, can reach the next; the session itself lives in the broker.
 */
export class BrokerConnection {
  readonly #options: BrokerConnectionOptions
  readonly #trouble: Trouble
  #client: MqttClient | undefined
  #state: BrokerState = { name: 'connecting' }
  #attempt = 0
  #timer: NodeJS.Timeout | undefined
  #hadSession = false
  #connectedAt = Number.POSITIVE_INFINITY
  #takenOver = false
  #unacknowledged = new Set<(error: Error) => void>()

  constructor(options: BrokerConnectionOptions) {
    this.#options = options
    this.#trouble = new Trouble(options.logger, 'the broker cannot be reached')
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
    const { settings, receive } = this.#options
    const client = mqtt.connect(addressOf(settings.mqtt).url, clientOptions(settings))
    this.#client = client
    // In the same tick as connect(): what the session holds arrives right behind CONNACK, and the client's own
    // handler would acknowledge it.
    client.handleMessage = (packet, done) => {
      if (client === this.#client) receive(packet, done as Handled)
    }
    client.on('connect', ({ sessionPresent }) => this.#connected(client, sessionPresent))
    client.on('error', ({ message }) => this.#trouble.tell(message))
    client.on('disconnect', ({ reasonCode }) => {
      this.#takenOver = reasonCode === SESSION_TAKEN_OVER
    })
    client.on('close', () => this.#closed(client))
  }

  /** Another bridge was here until now: a session that is not there any more is lost. */
  expectSession(): void {
    this.#hadSession = true
  }

  /** Ends the connection and stays away until `start`. The broker keeps what arrives. */
  park(reason: string): void {
    if (this.#state.name === 'stopped') return
    clearTimeout(this.#timer)
    this.#state = { name: 'parked', reason }
    this.#options.metrics.disconnects.inc({ reason })
    this.#client?.end(true)
    this.#drop()
  }

  /** Ends the connection; a new one follows. */
  reconnect(reason: string): void {
    this.park(reason)
    this.start()
  }

  /** Acknowledges a message; nothing where the connection is gone, since the number belonged to it. */
  puback(messageId: number): void {
    const client = this.#client
    // Offline the client would keep it and send it on the next connection, where the number may mean another message.
    if (!client?.connected) return
    sender(client)._sendPacket({ cmd: 'puback', messageId, reasonCode: 0 })
    // It keeps the connection alive as well as a PINGREQ (MQTT 5 §3.1.2.10), whose answer would wait behind every message
    // that the broker has sent already. A broker that is gone is still found out: then there is soon nothing to acknowledge.
    client.reschedulePing(true)
  }

  /**
   * Resolves when the broker has acknowledged it (QoS 1) or it was written (QoS 0).
   *
   * @throws PublishRefused when the broker says no; Error when the connection ends first
   */
  publish(topic: string, payload: string, { properties, ...how }: PublishOptions): Promise<void> {
    const isNew = this.#options.settings.mqtt.protocolVersion === 5
    const options = isNew && properties !== undefined ? { ...how, properties } : how
    const client = this.#client
    if (client === undefined || this.#state.name !== 'up') {
      return Promise.reject(new Error('not connected to the broker'))
    }
    return new Promise((resolve, reject) => {
      this.#unacknowledged.add(reject)
      client.publish(topic, payload, options, (error) => {
        this.#unacknowledged.delete(reject)
        if (error === undefined || error === null) {
          this.#options.metrics.messages.inc({ direction: 'down', qos: String(options.qos) })
          resolve()
        } else if ('code' in error && typeof error.code === 'number') {
          reject(new PublishRefused(error.message))
        } else reject(error)
      })
    })
  }

  /** Ends the connection after what was written has gone out. The session stays in the broker. */
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

  #connected(client: MqttClient, sessionPresent: boolean): void {
    if (client !== this.#client) return
    const { logger, metrics } = this.#options
    this.#connectedAt = performance.now()
    if (this.#hadSession && !sessionPresent) {
      metrics.sessionsLost.inc()
      logger.warn('the broker has forgotten the session: what it held for the bridge is lost')
    }
    this.#hadSession = true
    this.#state = { name: 'subscribing' }
    const { protocolVersion } = this.#options.settings.mqtt
    // At every connect, since a newer bridge may listen to more. Retained messages come again only where the
    // subscription is new (MQTT 5 §3.8.3.1); MQTT 3.1.1 always sends them.
    const how = protocolVersion === 5 ? ({ qos: 1, rh: 1 } as const) : ({ qos: 1 } as const)
    client.subscribe(upTopicsOf('+'), how, (error, granted) => {
      if (client !== this.#client) return
      const refused = granted?.filter(({ qos }) => Number(qos) >= 128).map(({ topic }) => topic)
      if (error || refused?.length) {
        logger.error('the broker refuses the subscriptions of the bridge', { error, refused })
        this.#attempt = Math.max(this.#attempt, 6)
        client.end(true)
        this.#closed(client)
        return
      }
      this.#state = { name: 'up' }
      this.#trouble.over()
      logger.info('connected to the broker', { sessionPresent })
      this.#options.onUp()
    })
  }

  #closed(client: MqttClient): void {
    if (client !== this.#client) return
    const steady = performance.now() - this.#connectedAt > STEADY_MS
    if (this.#state.name === 'up')
      this.#options.logger.warn('the connection to the broker has ended')
    this.#attempt = steady ? 0 : this.#attempt + 1
    this.#state = { name: 'connecting' }
    client.end(true)
    this.#drop()
    const wait = this.#takenOver
      ? TAKEN_OVER_PAUSE_MS * (1 + Math.random())
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
    this.#options.onDown()
  }
}

/** The broker has answered that it does not take the message. */
export class PublishRefused extends Error {
  override name = 'PublishRefused'
}

/** Private in mqtt.js: the one way to acknowledge later than its handler. `mqtt-client.test.ts` holds it to that. */
const sender = (client: MqttClient) =>
  client as unknown as {
    _sendPacket(packet: { cmd: 'puback'; messageId: number; reasonCode: number }): void
  }

function clientOptions({
  mqtt,
  maxInFlight,
}: Pick<BridgeSettings, 'mqtt' | 'maxInFlight'>): IClientOptions {
  const { username, password, clientId, keepaliveSeconds } = mqtt
  return {
    ...addressOf(mqtt).options,
    username,
    password,
    clientId,
    clean: false,
    keepalive: keepaliveSeconds,
    // A new client connects anew.
    reconnectPeriod: 0,
    connectTimeout: CONNECT_TIMEOUT_MS,
    resubscribe: false,
    ...(mqtt.protocolVersion === 5
      ? {
          properties: {
            sessionExpiryInterval: SESSION_EXPIRY_SECONDS,
            receiveMaximum: Math.min(maxInFlight, 65_535),
          },
        }
      : {}),
  }
}

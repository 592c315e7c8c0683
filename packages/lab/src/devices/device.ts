import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { connect, type ISubscriptionGrant, type MqttClient } from 'mqtt'
import { parseObject } from '../http.ts'
import { AnswerPost, type RequestProperties } from './answer-post.ts'
import { CommandBook } from './command-book.ts'
import {
  acknowledge,
  due,
  isFull,
  markSent,
  newOutbox,
  type Outbox,
  put,
  reconnected,
} from './outbox.ts'

export interface DeviceOptions {
  id: string
  password: string
  mqttUrl: string
  /** 5, or 4 for MQTT 3.1.1. */
  protocolVersion: 5 | 4
  resendAfterMs: number
  /** Goes on with an earlier run's numbering; a new one is begun when left out. */
  outbox?: Outbox | undefined
  /** With so many unconfirmed messages it makes no more; `OUTBOX_LIMIT` unless given. */
  outboxLimit?: number
  /** How far its clock is off, in milliseconds. */
  skewMs?: number
  /** The broker keeps its session while it is away. */
  keepsSession?: boolean
}

/** The broker does not take the device's name and password. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError'
}

/** Reason codes of CONNACK: bad credentials and not authorized, in MQTT 3.1.1 §3.2.2.3 and MQTT 5 §3.2.2.2. */
const refusals: ReadonlySet<unknown> = new Set([4, 5, 134, 135])
/** Seconds that the broker keeps the session of a device that sleeps. */
const SESSION_SECONDS = 86_400

/**
 * A device as the contract wants it (§5): tells its presence, with a last will, numbers its telemetry, keeps each
 * message until the edge has confirmed it, reports what it is asked to be and carries out commands once each.
 */
export class SimulatedDevice {
  readonly id: string
  readonly #options: DeviceOptions
  readonly #client: MqttClient
  readonly #flushing: NodeJS.Timeout
  #outbox: Outbox
  /** Names the connection, so that a late last will is not taken for the end of a newer one. */
  #session = randomUUID()
  #made = 0
  #confirmed = 0
  #asleep = false
  #lastError: string | undefined
  /** The newest delta that was carried out. */
  #deltaVersion = 0
  readonly #commands = new CommandBook()
  readonly #answers: AnswerPost
  /** Where the weather of this device stands. */
  readonly #phase = Math.random() * 2 * Math.PI

  constructor(options: DeviceOptions) {
    this.id = options.id
    this.#options = options
    this.#outbox = reconnected(options.outbox ?? newOutbox(Date.now()))
    this.#client = connect(options.mqttUrl, {
      protocolVersion: options.protocolVersion,
      clientId: options.id,
      username: options.id,
      password: options.password,
      clean: options.keepsSession !== true,
      ...(options.keepsSession && options.protocolVersion === 5
        ? { properties: { sessionExpiryInterval: SESSION_SECONDS } }
        : {}),
      keepalive: 30,
      reconnectPeriod: 1_000,
      resubscribe: false,
      // What is not confirmed is kept here, not in the library.
      queueQoSZero: false,
      will: this.#will(),
    })
    this.#answers = new AnswerPost(this.#client, this.#topic(''))
    this.#client.on('connect', () => this.#connected())
    this.#client.on('close', () => {
      this.#session = randomUUID()
      this.#client.options.will = this.#will()
    })
    this.#client.on('message', (topic, payload, packet) =>
      this.#received(topic, payload.toString(), packet.properties),
    )
    // Refusals are told by `ready`; what else is wrong passes by reconnecting.
    this.#client.on('error', (error: Error & { code?: unknown }) => {
      this.#lastError = error.message || String(error.code)
    })
    this.#flushing = setInterval(() => this.#flush(), Math.min(1_000, options.resendAfterMs))
  }

  get outbox(): Outbox {
    return this.#outbox
  }

  get isConnected(): boolean {
    return this.#client.connected
  }

  /** Why the broker could not be reached, where it could not. */
  get lastError(): string | undefined {
    return this.#lastError
  }

  get isAsleep(): boolean {
    return this.#asleep
  }

  get password(): string {
    return this.#options.password
  }

  /** Telemetry messages that were made, how many the edge has confirmed, how many wait for it; and commands done. */
  get counts(): { made: number; confirmed: number; waiting: number; commands: number } {
    return {
      made: this.#made,
      confirmed: this.#confirmed,
      waiting: this.#outbox.waiting.length,
      commands: this.#commands.done,
    }
  }

  /**
   * Waits for the first connection; a broker that is away is tried again for ever.
   *
   * @throws RefusedError when the broker does not take the password
   */
  ready(signal: AbortSignal): Promise<void> {
    const client = this.#client
    return new Promise((resolve, reject) => {
      const settle = (done: () => void) => {
        client.off('connect', onConnect)
        client.off('error', onError)
        signal.removeEventListener('abort', onAbort)
        done()
      }
      const onConnect = () => settle(resolve)
      const onError = (error: Error) => {
        if (refusals.has((error as { code?: unknown }).code))
          settle(() => reject(new RefusedError(`The broker refuses ${this.id}: ${error.message}`)))
      }
      const onAbort = () => settle(() => reject(signal.reason))
      client.on('connect', onConnect)
      client.on('error', onError)
      signal.addEventListener('abort', onAbort)
      if (client.connected) onConnect()
      else if (signal.aborted) onAbort()
    })
  }

  /** Takes a measurement. A full outbox takes none: the device waits for the edge. */
  measure(now: number): void {
    if (this.#asleep || isFull(this.#outbox, this.#options.outboxLimit)) return
    const turn = this.#phase + now / 60_000
    const values = {
      temperature: Math.round((21 + 4 * Math.sin(turn) + Math.random()) * 10) / 10,
      humidity: Math.round(50 + 15 * Math.cos(turn) + 2 * Math.random()),
    }
    const body = { time: this.#clock(now), values }
    this.#outbox = put(this.#outbox, this.#topic('telemetry/climate'), body)
    this.#made += 1
    this.#flush()
  }

  /** Says that it goes, and leaves the broker. */
  sleep(): void {
    if (this.#asleep) return
    this.#asleep = true
    void this.#sayGoodbye()
  }

  wake(): void {
    if (!this.#asleep) return
    this.#asleep = false
    this.#client.reconnect()
  }

  /** Loses its connection without a word. */
  drop(): void {
    if (this.#client.connected) this.#client.stream.destroy()
  }

  /** Says that it goes and disconnects, within two seconds; what is not confirmed stays in `outbox`. */
  async stop(): Promise<void> {
    clearInterval(this.#flushing)
    const late = new AbortController()
    await Promise.race([
      this.#sayGoodbye(),
      pause(2_000, undefined, { signal: late.signal }).catch(() => {}),
    ])
    late.abort()
    await this.#client.endAsync(true)
  }

  async #sayGoodbye(): Promise<void> {
    if (!this.#client.connected) return
    const presence = this.#presence('offline')
    try {
      await this.#client.publishAsync(this.#topic('presence'), presence, { qos: 1, retain: true })
      // With DISCONNECT, so that the broker throws the last will away.
      await this.#client.endAsync()
    } catch {
      // The connection went first: the last will says it.
    }
  }

  #connected(): void {
    this.#outbox = reconnected(this.#outbox)
    const topics = ['acks', 'twin/delta', 'commands/+'].map((name) => this.#topic(name))
    this.#client.subscribe(topics, { qos: 1 }, (error, granted?: ISubscriptionGrant[]) => {
      // A broker that takes the connection and not the subscriptions is tried again with the next connection.
      if (error || granted?.some(({ qos }) => qos >= 128)) this.#client.reconnect()
    })
    this.#publish(this.#topic('presence'), this.#presence('online'), true)
    this.#answers.sayAgain()
    this.#flush()
  }

  #received(topic: string, payload: string, properties: RequestProperties): void {
    const message = parseObject(payload)
    if (message === undefined) return
    if (topic === this.#topic('acks')) {
      const { epoch, ackedThrough } = message
      if (typeof epoch !== 'number' || typeof ackedThrough !== 'number') return
      const before = this.#outbox.waiting.length
      this.#outbox = acknowledge(this.#outbox, { epoch, ackedThrough }, Date.now())
      this.#confirmed += before - this.#outbox.waiting.length
      this.#flush()
    }
    // Whatever is asked for is done at once, and reported; an older wish that comes late is not.
    if (topic === this.#topic('twin/delta') && typeof message.state === 'object') {
      const version = typeof message.version === 'number' ? message.version : this.#deltaVersion
      if (version < this.#deltaVersion) return
      this.#deltaVersion = version
      this.#publish(this.#topic('twin/reported'), JSON.stringify({ state: message.state }))
    }
    const commands = this.#topic('commands/')
    if (topic.startsWith(commands)) {
      const id = topic.slice(commands.length)
      void this.#commands.take(id, message, (answer) => this.#answers.say(id, answer, properties))
    }
  }

  #flush(): void {
    if (!this.#client.connected) return
    const now = Date.now()
    const messages = due(this.#outbox, now, this.#options.resendAfterMs)
    if (messages.length === 0) return
    this.#outbox = markSent(this.#outbox, messages, now)
    for (const { topic, body } of messages) this.#publish(topic, JSON.stringify(body))
  }

  #publish(topic: string, payload: string, retain = false): void {
    // Lost with the connection: the outbox sends it again, and presence is told anew.
    this.#client.publish(topic, payload, { qos: 1, retain }, () => {})
  }

  #will() {
    return {
      topic: this.#topic('presence'),
      payload: Buffer.from(this.#presence('offline')),
      qos: 1 as const,
      retain: true,
    }
  }

  #presence(state: 'online' | 'offline'): string {
    return JSON.stringify({ state, session: this.#session, time: this.#clock(Date.now()) })
  }

  /** The time as its own clock has it. */
  #clock(now: number): string {
    return new Date(now + (this.#options.skewMs ?? 0)).toISOString()
  }

  #topic(name: string): string {
    return `v1/devices/${this.id}/${name}`
  }
}

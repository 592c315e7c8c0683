import mqtt, { type MqttClient } from 'mqtt'
import type { PublishPacket } from '../received.ts'
import type { BridgeSettings } from '../settings.ts'
import type { Handled } from '../uplink-types.ts'
import { BrokerClient, type BrokerClientOptions } from './broker-client.ts'
import { addressOf, CONNECT_TIMEOUT_MS } from './client-options.ts'
import { upTopicsOf } from './topics.ts'

/** A week: as long as the broker keeps what arrives while no bridge is there. */
const SESSION_EXPIRY_SECONDS = 604_800

export interface BrokerConnectionOptions extends BrokerClientOptions {
  settings: Pick<BridgeSettings, 'mqtt' | 'maxInFlight'>
  receive(packet: PublishPacket, handled: Handled): void
  onDown(): void
}

/** The bridge's session with the broker, by which devices are heard. The session itself lives in the broker. */
export class BrokerConnection extends BrokerClient {
  readonly #options: BrokerConnectionOptions
  #hadSession = false

  constructor(options: BrokerConnectionOptions) {
    super(options, 'the connection to the broker')
    this.#options = options
  }

  /** Another bridge was here until now: a session that is not there any more is lost. */
  expectSession(): void {
    this.#hadSession = true
  }

  /** Ends the connection and stays away until `start`. The broker keeps what arrives. */
  override park(reason: string): void {
    if (this.state.name !== 'stopped') this.#options.metrics.disconnects.inc({ reason })
    super.park(reason)
  }

  /** Acknowledges a message; nothing where the connection is gone, since the number belonged to it. */
  puback(messageId: number): void {
    const { client } = this
    // Offline the client would keep it and send it on the next connection, where the number may mean another message.
    if (!client?.connected) return
    sender(client)._sendPacket({ cmd: 'puback', messageId, reasonCode: 0 })
    // It keeps the connection alive as well as a PINGREQ (MQTT 5 §3.1.2.10), whose answer would wait behind every message
    // that the broker has sent already. A broker that is gone is still found out: then there is soon nothing to acknowledge.
    client.reschedulePing(true)
  }

  protected override connect(): MqttClient {
    const { settings, receive } = this.#options
    const { username, password, clientId, keepaliveSeconds, protocolVersion } = settings.mqtt
    const { url, options } = addressOf(settings.mqtt)
    const client = mqtt.connect(url, {
      ...options,
      username,
      password,
      clientId,
      clean: false,
      keepalive: keepaliveSeconds,
      // A new client connects anew.
      reconnectPeriod: 0,
      connectTimeout: CONNECT_TIMEOUT_MS,
      resubscribe: false,
      ...(protocolVersion === 5
        ? {
            properties: {
              sessionExpiryInterval: SESSION_EXPIRY_SECONDS,
              receiveMaximum: Math.min(settings.maxInFlight, 65_535),
            },
          }
        : {}),
    })
    // In the same tick as connect(): what the session holds arrives right behind CONNACK, and the client's own
    // handler would acknowledge it.
    client.handleMessage = (packet, done) => {
      if (client === this.client) receive(packet, done as Handled)
    }
    return client
  }

  protected override connected(client: MqttClient, sessionPresent: boolean): void {
    const { logger, metrics, settings } = this.#options
    if (this.#hadSession && !sessionPresent) {
      metrics.sessionsLost.inc()
      logger.warn('the broker has forgotten the session: what it held for the bridge is lost')
    }
    this.#hadSession = true
    this.subscribing()
    // At every connect, since a newer bridge may listen to more. Retained messages come again only where the
    // subscription is new (MQTT 5 §3.8.3.1); MQTT 3.1.1 always sends them.
    const how =
      settings.mqtt.protocolVersion === 5 ? ({ qos: 1, rh: 1 } as const) : ({ qos: 1 } as const)
    client.subscribe(upTopicsOf('+'), how, (error, granted) => {
      if (client !== this.client) return
      const refused = granted?.filter(({ qos }) => Number(qos) >= 128).map(({ topic }) => topic)
      if (error || refused?.length) {
        logger.error('the broker refuses the subscriptions of the bridge', { error, refused })
        this.giveUp(client)
        return
      }
      logger.info('connected to the broker', { sessionPresent })
      this.up()
    })
  }

  protected override dropped(): void {
    this.#options.onDown()
  }
}

/** Private in mqtt.js: the one way to acknowledge later than its handler. `mqtt-client.test.ts` holds it to that. */
const sender = (client: MqttClient) =>
  client as unknown as {
    _sendPacket(packet: { cmd: 'puback'; messageId: number; reasonCode: number }): void
  }

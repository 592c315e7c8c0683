import mqtt, { type MqttClient } from 'mqtt'
import type { BridgeSettings } from '../settings.ts'
import { BrokerClient, type BrokerClientOptions } from './broker-client.ts'
import { addressOf, CONNECT_TIMEOUT_MS } from './client-options.ts'

/**
 * What goes to devices, by a connection and a user of its own. On the session's connection the broker's acknowledgements
 * come behind all that it has sent there already: Mosquitto 2.0 sends a whole backlog, whatever the Receive Maximum. The
 * user must be another one, since a broker may give a user one client id: then this would end the session.
 */
export class Publisher extends BrokerClient {
  readonly #broker: BridgeSettings['mqtt']
  readonly #user: { username: string; password: string }

  constructor(options: BrokerClientOptions, user: { username: string; password: string }) {
    super(options, 'the connection for what goes to devices')
    this.#broker = options.settings.mqtt
    this.#user = user
  }

  protected override connect(): MqttClient {
    const { clientId, keepaliveSeconds } = this.#broker
    const { url, options } = addressOf(this.#broker)
    return mqtt.connect(url, {
      ...options,
      ...this.#user,
      // The same of a bridge that stands by: whoever comes later has the place.
      clientId: `${clientId}-out`,
      clean: true,
      keepalive: keepaliveSeconds,
      reconnectPeriod: 0,
      connectTimeout: CONNECT_TIMEOUT_MS,
      resubscribe: false,
    })
  }

  protected override connected(): void {
    this.up()
  }

  protected override dropped(): void {}
}

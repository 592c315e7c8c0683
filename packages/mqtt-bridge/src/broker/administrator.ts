import { randomUUID } from 'node:crypto'
import mqtt, { type MqttClient } from 'mqtt'
import { BrokerClient, type BrokerClientOptions } from './broker-client.ts'
import { addressOf, CONNECT_TIMEOUT_MS } from './client-options.ts'

const CONTROL = '$CONTROL/dynamic-security/v1'
/** A wire that carries nothing any more is to be found out before many changes were refused for it. */
const KEEPALIVE_SECONDS = 10
/** An operator who signs in as the administrator, as `mosquitto_ctrl` does, is there for a moment. */
const TAKEN_OVER_PAUSE_MS = 1_000

export interface AdministratorOptions extends BrokerClientOptions {
  user: { username: string; password: string }
  /** An answer of the broker's dynamic security. */
  onAnswer(payload: string): void
}

/** The connection by which Mosquitto's dynamic security is changed. Only the bridge that has the link has one. */
export class Administrator extends BrokerClient {
  readonly #options: AdministratorOptions
  protected override readonly takenOverPauseMs = TAKEN_OVER_PAUSE_MS

  constructor(options: AdministratorOptions) {
    super(options, "the administrator's connection to the broker")
    this.#options = options
  }

  /** Drops what cannot be sent now: whoever asks waits for the answer, and no longer than it may. */
  send(text: string, onFailure: () => void): void {
    // QoS 0: the answer says it all. Behind a PUBACK it would wait for TCP, which sends one small packet at a time.
    this.client?.publish(CONTROL, text, { qos: 0 }, (error) => {
      if (error) onFailure()
    })
  }

  protected override connect(): MqttClient {
    const { settings, user, onAnswer } = this.#options
    const { url, options } = addressOf(settings.mqtt)
    const client = mqtt.connect(url, {
      ...options,
      ...user,
      // Not the bridge's own, and no session: an answer that comes late is of no use.
      clientId: `${settings.mqtt.clientId}-admin-${randomUUID().slice(0, 8)}`,
      clean: true,
      keepalive: KEEPALIVE_SECONDS,
      reconnectPeriod: 0,
      connectTimeout: CONNECT_TIMEOUT_MS,
      resubscribe: false,
    })
    client.on('message', (_topic, payload) => onAnswer(String(payload)))
    return client
  }

  protected override connected(client: MqttClient): void {
    this.subscribing()
    client.subscribe(`${CONTROL}/response`, { qos: 1 }, (error, granted) => {
      if (client !== this.client) return
      if (granted?.some(({ qos }) => Number(qos) >= 128)) {
        this.#options.logger.error(
          'the broker refuses its administrator: no device can be made known',
        )
        this.giveUp(client)
      } else if (error) this.giveUp(client)
      else this.up()
    })
  }

  protected override dropped(): void {}
}

import { iotshadow, mqtt, mqtt5 } from 'aws-iot-device-sdk-v2'
import type { MqttLogin } from '../../../src/mqtt-programs.ts'

/** What AWS's own client was told, in the order it came. */
export interface ShadowLog {
  readonly got: iotshadow.model.GetShadowResponse[]
  readonly getRejected: iotshadow.model.ErrorResponse[]
  readonly updated: iotshadow.model.UpdateShadowResponse[]
  readonly updateRejected: iotshadow.model.ErrorResponse[]
  readonly deltas: iotshadow.model.ShadowDeltaUpdatedEvent[]
  readonly documents: iotshadow.model.ShadowUpdatedEvent[]
  readonly deleted: iotshadow.model.DeleteShadowResponse[]
  /** What the client could not read. */
  readonly errors: unknown[]
}

/** AWS's device SDK as it comes from npm, on a connection of ours: no TLS, a user name and a password. */
export class ShadowDevice {
  readonly client: iotshadow.IotShadowClient
  readonly log: ShadowLog
  readonly #connection: mqtt5.Mqtt5Client

  private constructor(connection: mqtt5.Mqtt5Client, log: ShadowLog) {
    this.#connection = connection
    this.log = log
    this.client = iotshadow.IotShadowClient.newFromMqtt5Client(connection)
  }

  /**
   * Connects with a session that the broker keeps, and subscribes to everything the shadow says unless the session has it
   * already.
   */
  static async connect(login: MqttLogin): Promise<ShadowDevice> {
    const { hostname, port } = new URL(login.url)
    const connection = new mqtt5.Mqtt5Client({
      hostName: hostname,
      port: Number(port),
      // Else it writes `?SDK=…` behind the user name.
      disableMetrics: true,
      sessionBehavior: mqtt5.ClientSessionBehavior.RejoinAlways,
      connectProperties: {
        clientId: `${login.username}-aws`,
        username: login.username,
        password: new TextEncoder().encode(login.password),
        keepAliveIntervalSeconds: 30,
        sessionExpiryIntervalSeconds: 3_600,
      },
    })
    const device = new ShadowDevice(connection, {
      ...{ got: [], getRejected: [], updated: [], updateRejected: [] },
      ...{ deltas: [], documents: [], deleted: [], errors: [] },
    })
    // Before the connection stands: a persistent session delivers what it kept at once.
    const connected = new Promise<boolean>((resolve, reject) => {
      connection.once('connectionSuccess', ({ settings }) => resolve(settings.rejoinedSession))
      connection.once('connectionFailure', ({ error }) => reject(error))
    })
    const subscribed = device.#subscribe(login.username)
    connection.start()
    await connected
    await subscribed
    return device
  }

  async stop(): Promise<void> {
    const stopped = new Promise((resolve) => this.#connection.once('stopped', resolve))
    this.#connection.stop()
    await stopped
    this.#connection.close()
  }

  async #subscribe(thingName: string): Promise<void> {
    const { client, log } = this
    const into =
      <T>(list: T[]) =>
      (error?: unknown, message?: T) => {
        if (error !== undefined) log.errors.push(error)
        if (message !== undefined) list.push(message)
      }
    const one = { thingName }
    const qos = mqtt.QoS.AtLeastOnce
    await Promise.all([
      client.subscribeToGetShadowAccepted(one, qos, into(log.got)),
      client.subscribeToGetShadowRejected(one, qos, into(log.getRejected)),
      client.subscribeToUpdateShadowAccepted(one, qos, into(log.updated)),
      client.subscribeToUpdateShadowRejected(one, qos, into(log.updateRejected)),
      client.subscribeToShadowDeltaUpdatedEvents(one, qos, into(log.deltas)),
      client.subscribeToShadowUpdatedEvents(one, qos, into(log.documents)),
      client.subscribeToDeleteShadowAccepted(one, qos, into(log.deleted)),
    ])
  }
}

export const atLeastOnce = mqtt.QoS.AtLeastOnce

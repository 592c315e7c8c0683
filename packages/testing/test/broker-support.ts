import { join } from 'node:path'
import { FakeEdge } from '@menagerie/mqtt-bridge/fake-edge'
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt'
import { findMosquitto, type RunningBroker, startBroker } from '../src/broker/index.ts'
import { freePort } from '../src/free-port.ts'
import { bridgeCommand } from '../src/launcher/bridge-command.ts'
import { type Supervised, startSupervised } from '../src/launcher/supervised.ts'
import { type TemporaryFolder, temporaryFolder } from '../src/temporary-folder.ts'
import { waitFor } from '../src/wait-for.ts'

export type BrokerKind = 'mosquitto' | 'aedes'

/** Both, where Mosquitto is installed. Names of tests say which. */
export const brokerKinds: BrokerKind[] =
  findMosquitto() === undefined ? ['aedes'] : ['mosquitto', 'aedes']

/** A real broker, the real bridge as a process, and an edge that counts. */
export class BrokerSystem {
  readonly broker: RunningBroker
  readonly edge: FakeEdge
  readonly #folder: TemporaryFolder
  readonly #clients: MqttClient[] = []
  readonly #metricsPort: number
  readonly #command: string[]
  bridge: Supervised | undefined

  constructor(broker: RunningBroker, edge: FakeEdge, folder: TemporaryFolder, metricsPort: number) {
    this.broker = broker
    this.edge = edge
    this.#folder = folder
    this.#metricsPort = metricsPort
    this.#command = bridgeCommand(folder.path)
  }

  static async start(
    kind: BrokerKind,
    overrides: Record<string, string> = {},
  ): Promise<BrokerSystem> {
    const folder = await temporaryFolder('broker')
    const edge = await new FakeEdge().listen()
    const broker = await startBroker({
      dataDir: folder.path,
      port: await freePort(),
      kind,
      edgeUrl: edge.url,
      brokerSecret: 'of the broker',
      overrides,
    })
    const system = new BrokerSystem(broker, edge, folder, await freePort())
    system.startBridge()
    await system.ready()
    return system
  }

  startBridge(): void {
    const { broker, edge } = this
    this.bridge = startSupervised(process.execPath, this.#command, {
      cwd: this.#folder.path,
      env: {
        PATH: process.env.PATH,
        MQTT_URL: broker.url,
        MQTT_PROTOCOL_VERSION: String(broker.protocolVersion),
        MQTT_USERNAME: broker.bridge.username,
        MQTT_PASSWORD: broker.bridge.password,
        MQTT_PUBLISHER_USERNAME: broker.publisher?.username,
        MQTT_PUBLISHER_PASSWORD: broker.publisher?.password,
        MQTT_ADMIN_USERNAME: broker.admin?.username,
        MQTT_ADMIN_PASSWORD: broker.admin?.password,
        EDGE_URL: edge.url,
        REALM: 'menagerie',
        CLIENT_SECRET: 'secret',
        METRICS_PORT: String(this.#metricsPort),
      },
      output: { file: join(this.#folder.path, 'bridge.log') },
    })
  }

  async ready(): Promise<void> {
    await waitFor(
      async () => (await fetch(`http://127.0.0.1:${this.#metricsPort}/health/ready`)).ok,
      { what: 'the bridge to be ready', intervalMs: 20 },
    )
  }

  /** Of the bridge's process, in bytes. */
  async memory(): Promise<number> {
    const page = await (await fetch(`http://127.0.0.1:${this.#metricsPort}/metrics`)).text()
    return Number(/^mqtt_bridge_resident_memory_bytes (\d+)$/m.exec(page)?.[1])
  }

  /**
   * Sets or takes away a device's password, as the edge does: while the broker cannot be reached its caller is told to try
   * again. A broker that asks has nothing to be told.
   */
  async provision(username: string, password: string | null = `password-${username}`) {
    if (this.broker.access === 'ask') return
    // A device's second user name is its id and `~2`.
    const deviceId = username.replace(/~2$/, '')
    await waitFor(
      async () => {
        const { ok, detail = '' } = await this.tell({ deviceId, username, password })
        if (!ok && !/cannot be reached|is busy/.test(detail)) throw new Error(detail)
        return ok
      },
      { what: 'the broker to know the device', intervalMs: 100 },
    )
  }

  /** What the bridge answers to the edge's `credentials.set`. */
  async tell(data: {
    deviceId: string
    username: string
    password: string | null
  }): Promise<{ ok: boolean; detail?: string | undefined }> {
    const id = `${data.username}-${performance.now()}`
    this.edge.send({ type: 'credentials.set', id, data })
    const done = await waitFor(
      () => this.edge.frames.find((frame) => frame.type === 'credentials.done' && frame.id === id),
      { what: 'an answer of the bridge', intervalMs: 5 },
    )
    return done.data as { ok: boolean; detail?: string }
  }

  /** @throws Error when the broker refuses */
  async connect(username: string, options: IClientOptions = {}): Promise<MqttClient> {
    const client = await mqtt.connectAsync(
      this.broker.url,
      {
        username,
        password: `password-${username}`,
        clientId: username,
        protocolVersion: this.broker.protocolVersion,
        reconnectPeriod: 0,
        ...options,
      },
      false,
    )
    client.on('error', () => {})
    this.#clients.push(client)
    return client
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) client.end(true)
    await this.bridge?.stop()
    await this.broker.stop()
    await this.edge.close()
    await this.#folder.remove()
  }
}

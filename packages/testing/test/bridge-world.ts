import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { FakeEdge } from '@menagerie/mqtt-bridge/fake-edge'
import mqtt, { type MqttClient } from 'mqtt'
import { type RunningBroker, startBroker } from '../src/broker/index.ts'
import { freePort } from '../src/free-port.ts'
import { bridgeCommand } from '../src/launcher/bridge-command.ts'
import { type Supervised, startSupervised } from '../src/launcher/supervised.ts'
import { type TemporaryFolder, temporaryFolder } from '../src/temporary-folder.ts'
import { waitFor } from '../src/wait-for.ts'

/** The real bridge as a process. */
export class BridgeProgram {
  readonly running: Supervised
  readonly url: string
  readonly #logFile: string

  constructor(running: Supervised, url: string, logFile: string) {
    this.running = running
    this.url = url
    this.#logFile = logFile
  }

  log(): string {
    return readFileSync(this.#logFile, 'utf8')
  }

  /** What it says about its broker; undefined while it does not answer. */
  async atBroker(): Promise<string | undefined> {
    const answer = await fetch(`${this.url}/health/ready`).catch(() => undefined)
    return ((await answer?.json()) as { details: { broker: string } } | undefined)?.details.broker
  }

  /** Until it says this about its broker. */
  async until(state: string | RegExp): Promise<void> {
    await waitFor(
      async () => {
        const said = await this.atBroker()
        return typeof state === 'string' ? said === state : state.test(said ?? '')
      },
      { what: `the bridge to be ${state} at the broker`, intervalMs: 20, timeoutMs: 20_000 },
    )
  }

  async series(name: string): Promise<number> {
    const page = await (await fetch(`${this.url}/metrics`)).text()
    return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(page)?.[1])
  }
}

/** Real brokers and bridges, as many as a test wants, and an edge that counts. */
export class BridgeWorld {
  readonly folder: TemporaryFolder
  readonly edge: FakeEdge
  readonly #command: string[]
  readonly #bridges: BridgeProgram[] = []
  readonly #clients: MqttClient[] = []
  #broker: RunningBroker | undefined

  private constructor(folder: TemporaryFolder, edge: FakeEdge) {
    this.folder = folder
    this.#command = bridgeCommand(folder.path)
    this.edge = edge
  }

  static async open(): Promise<BridgeWorld> {
    return new BridgeWorld(await temporaryFolder('bridge'), await new FakeEdge().listen())
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.end(true)
    for (const { running } of this.#bridges) await running.stop()
    await this.#broker?.stop()
    await this.edge.close()
    await this.folder.remove()
  }

  async broker(
    kind: 'mosquitto' | 'aedes',
    overrides: Record<string, string> = {},
  ): Promise<RunningBroker> {
    this.#broker = await startBroker({
      dataDir: this.folder.path,
      port: await freePort(),
      kind,
      edgeUrl: this.edge.url,
      brokerSecret: 'of the broker',
      overrides,
    })
    return this.#broker
  }

  async bridge(at: RunningBroker, env: Record<string, string> = {}): Promise<BridgeProgram> {
    const port = await freePort()
    const file = join(this.folder.path, `bridge-${this.#bridges.length}.log`)
    const running = startSupervised(process.execPath, this.#command, {
      cwd: this.folder.path,
      env: {
        PATH: process.env.PATH,
        MQTT_URL: at.bridgeUrl,
        MQTT_PROTOCOL_VERSION: String(at.protocolVersion),
        MQTT_USERNAME: at.bridge.username,
        MQTT_PASSWORD: at.bridge.password,
        MQTT_PUBLISHER_USERNAME: at.publisher?.username,
        MQTT_PUBLISHER_PASSWORD: at.publisher?.password,
        ...(at.admin === undefined
          ? {}
          : { MQTT_ADMIN_USERNAME: at.admin.username, MQTT_ADMIN_PASSWORD: at.admin.password }),
        EDGE_URL: this.edge.url,
        REALM: 'menagerie',
        CLIENT_SECRET: 'secret',
        METRICS_PORT: String(port),
        ...env,
      },
      output: { file },
    })
    const bridge = new BridgeProgram(running, `http://127.0.0.1:${port}`, file)
    this.#bridges.push(bridge)
    return bridge
  }

  /** A connected device; its second user name is its id and `~2`. */
  async device(username: string, at: RunningBroker): Promise<MqttClient> {
    const device = username.replace(/~2$/, '')
    if (at.access === 'tell') await this.tell(device, username, `password-${username}`)
    const client = await mqtt.connectAsync(
      at.url,
      {
        username,
        password: `password-${username}`,
        clientId: username === device ? device : `${device}-2`,
        protocolVersion: at.protocolVersion,
        reconnectPeriod: 0,
      },
      false,
    )
    client.on('error', () => {})
    this.#clients.push(client)
    return client
  }

  /** @throws Error when the bridge says that the broker refuses */
  async tell(deviceId: string, username: string, password: string | null): Promise<void> {
    const id = `${username} ${performance.now()}`
    this.edge.send({ type: 'credentials.set', id, data: { deviceId, username, password } })
    const done = await waitFor(
      () => this.edge.frames.find((frame) => frame.type === 'credentials.done' && frame.id === id),
      { what: 'the broker to have heard it', intervalMs: 5 },
    )
    if (done.type === 'credentials.done' && !done.data.ok) throw new Error(done.data.detail)
  }

  /** Until the edge has so many numbered messages of device `a`. */
  async stored(count: number): Promise<void> {
    await waitFor(() => this.edge.numbersOf('a').length === count, {
      what: `${count} to be stored`,
    })
  }
}

/** A numbered message of a device, acknowledged by the broker. */
export const publish = (device: MqttClient, seq: number, id = 'a') =>
  device.publishAsync(`v1/devices/${id}/telemetry/t`, JSON.stringify({ seq, values: {} }), {
    qos: 1,
  })

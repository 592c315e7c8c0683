import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type Supervised, startSupervised } from '../launcher/supervised.ts'
import type { System } from '../launcher/system.ts'
import { typeScriptFlags } from '../node-flags.ts'
import { testingFolder } from '../paths.ts'
import { waitFor } from '../wait-for.ts'
import { STREAM } from './sender.ts'

/** The bridge of `naive-bridge.ts` as a process, with a place that counts what it hands on. */
export class NaiveBridge {
  readonly #system: System
  readonly #sink: Server
  readonly #arrived = new Set<string>()
  #process: Supervised

  private constructor(system: System, sink: Server) {
    this.#system = system
    this.#sink = sink
    sink.on('request', (request, response) => {
      let body = ''
      request.on('data', (chunk) => {
        body += chunk
      })
      request.on('end', () => {
        this.#arrived.add(body)
        response.end()
      })
    })
    this.#process = this.#run()
  }

  /** Returns when it is subscribed; else it would be blamed for what it never could get. */
  static async start(system: System): Promise<NaiveBridge> {
    const sink = createServer()
    await new Promise<void>((resolve) => sink.listen(0, '127.0.0.1', resolve))
    const naive = new NaiveBridge(system, sink)
    await naive.#whenSubscribed()
    return naive
  }

  /** SIGKILL. */
  async kill(): Promise<void> {
    await this.#process.kill()
  }

  /**
   * Starts on what came meanwhile, is killed as soon as it has handed on some of that, and started again. There must be
   * something: with nothing in hand it would lose nothing.
   */
  async dieAtWork(): Promise<void> {
    const before = this.#arrived.size
    this.#process = this.#run()
    await waitFor(() => this.#arrived.size > before, {
      what: 'the naive bridge to be at work',
      intervalMs: 1,
    })
    await this.kill()
    this.#process = this.#run()
  }

  /** How many different messages of devices with a prefix it handed on, once nothing more comes. */
  async count(prefix: string): Promise<number> {
    let last = -1
    let movedAt = performance.now()
    await waitFor(
      () => {
        if (this.#arrived.size !== last) movedAt = performance.now()
        last = this.#arrived.size
        return performance.now() - movedAt > 3_000
      },
      { what: 'the naive bridge to be done', timeoutMs: 60_000, intervalMs: 100 },
    )
    const own = `v1/devices/${prefix}-`
    return [...this.#arrived].filter(
      (body) => body.startsWith(own) && body.includes(`/telemetry/${STREAM} `),
    ).length
  }

  async stop(): Promise<void> {
    await this.#process.kill()
    this.#sink.closeAllConnections()
    await new Promise<void>((resolve) => this.#sink.close(() => resolve()))
  }

  async #whenSubscribed(): Promise<void> {
    const { mqtt: side, device } = this.#system
    if (side === undefined || device === undefined) throw new Error('there is no demo device')
    const { connectAsync } = await import('mqtt')
    const probe = await connectAsync(side.url, {
      protocolVersion: side.protocolVersion,
      clientId: `${device.id}-probe`,
      username: device.username,
      password: device.password,
    })
    await waitFor(
      async () => {
        await probe.publishAsync(`v1/devices/${device.id}/telemetry/probe`, '{"values":{"n":0}}', {
          qos: 1,
        })
        return this.#arrived.size > 0
      },
      { what: 'the naive bridge to be subscribed' },
    )
    await probe.endAsync()
  }

  #run(): Supervised {
    const { mqtt: side, dataDir } = this.#system
    if (!side?.broker) throw new Error('the system has no broker of its own')
    return startSupervised(
      process.execPath,
      [...typeScriptFlags(), join(testingFolder, 'src/proof/naive-bridge.ts')],
      {
        cwd: testingFolder,
        env: {
          ...process.env,
          MQTT_URL: side.url,
          MQTT_PROTOCOL_VERSION: String(side.protocolVersion),
          MQTT_USERNAME: side.broker.bridge.username,
          MQTT_PASSWORD: side.broker.bridge.password,
          SINK_URL: `http://127.0.0.1:${(this.#sink.address() as AddressInfo).port}`,
        },
        output: { file: join(dataDir, 'naive.log') },
      },
    )
  }
}

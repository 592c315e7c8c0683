import { serviceClients } from '@menagerie/contracts'
import type { RunningBroker } from '../broker/index.ts'
import { waitFor } from '../wait-for.ts'
import { bridgeCommand } from './bridge-command.ts'
import { readLog } from './read-log.ts'
import { tail } from './readiness.ts'
import type { Secrets } from './secrets.ts'
import { type Supervised, startSupervised } from './supervised.ts'

/** After an end that nobody asked for. */
const START_AGAIN_MS = 1_000

export interface BridgeOptions {
  dataDir: string
  gatewayUrl: string
  /** `menagerie` unless given. */
  realm?: string
  broker: Pick<RunningBroker, 'bridgeUrl' | 'protocolVersion' | 'bridge'> & {
    publisher?: RunningBroker['publisher'] | undefined
    admin?: RunningBroker['admin'] | undefined
  }
  secrets: Secrets
  /** Where it serves its metrics and health. */
  metricsPort: number
  logFile: string
  logs: () => string
  /** Starts it again when it ends unasked; what a person's supervisor does in production. */
  keepAlive?: boolean
}

/** The MQTT bridge as a process of its own, so that it can be killed as one. */
export interface BridgeProcess {
  /** Its page: `/metrics`, `/health/ready`. */
  url: string
  /** The process group; `undefined` while it is down. */
  readonly pid: number | undefined
  /** SIGKILL. */
  kill(): Promise<void>
  /** Starts it when it is down. Returns when it is ready, unless told not to wait. */
  start(how?: { wait: boolean }): Promise<void>
  /** In peace: it drains what it holds. */
  stop(): Promise<void>
}

export async function startBridgeProcess(options: BridgeOptions): Promise<BridgeProcess> {
  const { broker, secrets, dataDir, metricsPort } = options
  const url = `http://127.0.0.1:${metricsPort}`
  const command = bridgeCommand(dataDir)
  let running: Supervised | undefined
  let again: NodeJS.Timeout | undefined

  const run = () => {
    // Started by hand while it waits to be started again: one bridge, not two.
    clearTimeout(again)
    const started = startSupervised(process.execPath, command, {
      cwd: dataDir,
      env: {
        ...process.env,
        MQTT_URL: broker.bridgeUrl,
        MQTT_PROTOCOL_VERSION: String(broker.protocolVersion),
        MQTT_USERNAME: broker.bridge.username,
        MQTT_PASSWORD: broker.bridge.password,
        ...(broker.publisher === undefined
          ? {}
          : {
              MQTT_PUBLISHER_USERNAME: broker.publisher.username,
              MQTT_PUBLISHER_PASSWORD: broker.publisher.password,
            }),
        ...(broker.admin === undefined
          ? {}
          : {
              MQTT_ADMIN_USERNAME: broker.admin.username,
              MQTT_ADMIN_PASSWORD: broker.admin.password,
            }),
        EDGE_URL: options.gatewayUrl,
        REALM: options.realm ?? 'menagerie',
        CLIENT_ID: serviceClients.bridge,
        CLIENT_SECRET: secrets.BRIDGE_CLIENT_SECRET ?? '',
        SCRAPE_TOKEN: secrets.SCRAPE_TOKEN ?? '',
        METRICS_HOST: '127.0.0.1',
        METRICS_PORT: String(metricsPort),
        // `start` waits for a line of this level.
        LOG_LEVEL: process.env.LOG_LEVEL === 'debug' ? 'debug' : 'info',
      },
      output: { file: options.logFile },
    })
    running = started
    void started.exited.then(() => {
      if (running !== started) return
      running = undefined
      if (options.keepAlive) again = setTimeout(run, START_AGAIN_MS)
    })
    return started
  }
  const end = async (how: 'stop' | 'kill') => {
    clearTimeout(again)
    const ending = running
    running = undefined
    await ending?.[how]()
  }
  const start = async (how: { wait: boolean } = { wait: true }) => {
    // What answers at the port may be the bridge of another system: this one says in its log that it has the port.
    const written = () => readLog(options.logFile)
    const from = running === undefined ? written().length : 0
    const hasPort = () => written().slice(from).includes(`"metricsUrl":"${url}"`)
    const started = running ?? run()
    if (!how.wait) return
    let ended = false
    void started.exited.then(() => {
      ended = true
    })
    try {
      await waitFor(async () => ended || (hasPort() && (await isReady(url))), {
        what: `the MQTT bridge to be ready at ${url}/health/ready`,
        timeoutMs: 20_000,
      })
      if (ended) throw new Error('the MQTT bridge ended before it was ready')
    } catch (error) {
      await end('kill')
      const why = error instanceof Error ? error.message : String(error)
      throw new Error(`${why}\n${tail(options.logs(), 15)}`)
    }
  }
  await start()
  return {
    url,
    get pid() {
      return running?.pid
    },
    kill: () => end('kill'),
    start,
    stop: () => end('stop'),
  }
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(2_000) })).ok
  } catch {
    return false
  }
}

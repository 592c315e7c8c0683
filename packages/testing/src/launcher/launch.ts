import { randomUUID } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { isPortFree } from '../free-port.ts'
import { repositoryRoot } from '../paths.ts'
import { writeConfiguration } from './configuration.ts'
import { watchForCrash } from './crash-watch.ts'
import { type DemoDevice, ensureDemoDevice } from './demo-device.ts'
import { ensureDemoUsers } from './demo-users.ts'
import { refuseUnknownVars } from './derive-config.ts'
import { doorFor } from './door-files.ts'
import { hold } from './held.ts'
import { type RunningLab, startLabBeside } from './lab.ts'
import {
  type LocalBroker,
  type MqttOptions,
  type MqttSide,
  startLocalBroker,
  startMqttSide,
} from './mqtt-side.ts'
import { prepareDatabases } from './prepare.ts'
import { readLog } from './read-log.ts'
import { whenReady } from './readiness.ts'
import { ensureSecrets } from './secrets.ts'
import type { Supervised } from './supervised.ts'
import type { System } from './system.ts'
import { localVars } from './vars.ts'
import { readWorkers } from './worker-config.ts'
import { startWranglerDev } from './wrangler-dev.ts'

export interface LaunchOptions {
  /** Where all state lives; made when missing. */
  dataDir: string
  port: number
  /** `development` unless given; `test` lets the clock be shifted and the doors open. */
  environment?: 'development' | 'test'
  /** The first start's; fresh unless given. Every restart makes a new one. */
  bootId?: string
  /** Starts the lab beside the system; the carrier's address then points to it. */
  lab?: boolean
  /** Starts a broker and the MQTT bridge beside the system. */
  mqtt?: MqttOptions
  /** Writes the demo users when there are no users; with `mqtt`, registers the demo device. */
  seed?: boolean
  /** Overrides for variables that some wrangler.toml declares, such as `BCRYPT_COST`, and `CLOCK_OFFSET_MS`. */
  vars?: Readonly<Record<string, string>>
  /** Opens the test-only doors; needs `environment: 'test'`. */
  doors?: boolean
  /** The folder with the gateway's wrangler.toml and `workers/`; this repository unless given. */
  root?: string
  /** Told when wrangler or workerd ended without being asked; everything is down then. */
  onCrash?: () => void
  /** Milliseconds until `/health/ready` must answer; 60 s unless given. */
  readyTimeoutMs?: number
}

/**
 * Starts the whole system as `npm start` does: configurations, migrations, demo users, lab, broker and bridge, all
 * Workers in one `wrangler dev`. Returns when `/health/ready` answers 200.
 *
 * Nothing outlives this process, however it ends.
 *
 * @throws Error whose first line says what is wrong: a busy port, a data folder in use, SQL that failed, a system
 * that did not become ready (with the end of its log)
 */
export async function launch(options: LaunchOptions): Promise<System> {
  const { port, environment = 'development', root = repositoryRoot, seed = false } = options
  const { CLOCK_OFFSET_MS = '0', ...vars } = options.vars ?? {}
  const dataDir = resolve(options.dataDir)
  const url = `http://localhost:${port}`
  const logFile = join(dataDir, 'menagerie.log')
  const logs = () => readLog(logFile)

  const sources = readWorkers(root)
  if (sources.length === 0) throw new Error(`${root} has no wrangler.toml`)
  refuseUnknownVars(sources, vars)
  if (!(await isPortFree(port))) throw new Error(`port ${port} is busy`)
  mkdirSync(dataDir, { recursive: true })
  const release = hold(dataDir)
  writeFileSync(logFile, '')

  const secrets = ensureSecrets(dataDir, sources)
  let bootId = options.bootId ?? randomUUID()
  let lab: RunningLab | undefined
  let broker: LocalBroker | undefined
  let mqtt: MqttSide | undefined
  let device: DemoDevice | undefined
  let running: Supervised | undefined

  const configure = () =>
    writeConfiguration(dataDir, sources, secrets, {
      common: {
        ENVIRONMENT: environment,
        PUBLIC_URL: process.env.PUBLIC_URL || url,
        BOOT_ID: bootId,
        CLOCK_OFFSET_MS,
      },
      declared: { ...localVars(environment, lab?.url, broker?.access), ...vars },
      doorFor: options.doors ? (role) => doorFor(root, role) : undefined,
    })
  const end = async (how: 'stop' | 'kill') => {
    const ending = running
    running = undefined
    await ending?.[how]()
  }
  const start = async (configPaths: readonly string[]) => {
    const started = startWranglerDev({ dataDir, configPaths, port, logFile })
    running = started
    const unwatch = watchForCrash(logFile, () => void started.kill())
    const gone = started.exited.then(() => {
      unwatch()
      const unasked = running === started
      if (unasked) running = undefined
      return unasked
    })
    const { readyTimeoutMs: timeoutMs = 60_000 } = options
    await whenReady({ url, process: started, timeoutMs, logs })
    // Only from now on: an end before that is an error of the start.
    void gone.then((unasked) => unasked && options.onCrash?.())
  }
  const stop = async () => {
    // The bridge first: what it holds it can still hand over.
    await mqtt?.bridge.stop()
    await end('stop')
    if (broker !== undefined && broker.kind !== 'external') await broker.stop()
    await lab?.stop()
    mqtt = broker = lab = undefined
    release()
  }

  try {
    if (options.lab) {
      lab = await startLabBeside({ dataDir, preferredPort: port + 1, gatewayUrl: url, secrets })
    }
    const around = { dataDir, gatewayUrl: url, secrets }
    if (options.mqtt) broker = await startLocalBroker(options.mqtt, around)
    const configPaths = configure()
    await prepareDatabases({
      ...{ dataDir, configPaths, seed, logFile, logs },
      onStart: (process) => {
        running = process
      },
    })
    await start(configPaths)
    if (options.mqtt && broker !== undefined) {
      mqtt = await startMqttSide(broker, options.mqtt, around)
      if (seed) {
        const users = ensureDemoUsers(dataDir)
        device = await ensureDemoDevice({ url, dataDir, users }, broker.kind)
      }
    }
  } catch (error) {
    await end('kill')
    await stop()
    throw error
  }

  return {
    ...{ url, port, dataDir, secrets, logs, stop },
    wsUrl: url.replace('http', 'ws'),
    users: seed ? ensureDemoUsers(dataDir) : [],
    labUrl: lab?.url,
    ...{ mqtt, device },
    get pid() {
      return running?.pid
    },
    get bootId() {
      return bootId
    },
    kill: () => end('kill'),
    restart: async () => {
      await end('stop')
      bootId = randomUUID()
      await start(configure())
    },
  }
}

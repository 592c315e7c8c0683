import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type RunningBroker, startBroker } from '../broker/index.ts'
import { type BridgeProcess, startBridgeProcess } from './bridge-process.ts'
import { readLog } from './read-log.ts'
import type { Secrets } from './secrets.ts'
import { startNearPort } from './start-near-port.ts'

export interface MqttOptions {
  /** `auto` takes an installed Mosquitto, else aedes. */
  broker?: 'auto' | 'mosquitto' | 'aedes'
  /** Taken when free, else any; free ones unless given. */
  port?: number
  metricsPort?: number
  /** Starts a bridge that ended unasked again. */
  keepAlive?: boolean
}

/** What stands between devices and the edge. */
export interface MqttSide {
  /** Such as `mqtt://127.0.0.1:1883`. */
  url: string
  protocolVersion: 4 | 5
  kind: 'mosquitto' | 'aedes' | 'external'
  /** Ours; `undefined` where `MQTT_URL` names another. */
  broker: RunningBroker | undefined
  bridge: BridgeProcess
}

/** A broker that somebody else runs, by the bridge's own settings in the environment. */
function externalBroker(env: NodeJS.ProcessEnv) {
  if (!env.MQTT_URL) return undefined
  const admin = env.MQTT_ADMIN_USERNAME
    ? { username: env.MQTT_ADMIN_USERNAME, password: env.MQTT_ADMIN_PASSWORD ?? '' }
    : undefined
  return {
    kind: 'external' as const,
    url: env.MQTT_URL,
    bridgeUrl: env.MQTT_URL,
    protocolVersion: env.MQTT_PROTOCOL_VERSION === '4' ? (4 as const) : (5 as const),
    access: admin === undefined ? ('ask' as const) : ('tell' as const),
    bridge: { username: env.MQTT_USERNAME ?? '', password: env.MQTT_PASSWORD ?? '' },
    admin,
  }
}

export type LocalBroker = RunningBroker | NonNullable<ReturnType<typeof externalBroker>>

/** The broker of a local system, before the edge runs: how it learns of credentials is a setting of the edge. */
export async function startLocalBroker(
  options: MqttOptions,
  system: { dataDir: string; gatewayUrl: string; secrets: Secrets },
): Promise<LocalBroker> {
  const external = externalBroker(process.env)
  if (external !== undefined) return external
  return startNearPort(options.port, (port) =>
    startBroker({
      dataDir: system.dataDir,
      port,
      kind: options.broker ?? 'auto',
      edgeUrl: system.gatewayUrl,
      brokerSecret: system.secrets.BROKER_SECRET ?? '',
      logFile: join(system.dataDir, 'broker.log'),
    }),
  )
}

/** The bridge, once the edge answers. */
export async function startMqttSide(
  broker: LocalBroker,
  options: MqttOptions,
  system: {
    dataDir: string
    gatewayUrl: string
    secrets: Secrets
  },
): Promise<MqttSide> {
  const logFile = join(system.dataDir, 'bridge.log')
  writeFileSync(logFile, '')
  const bridge = await startNearPort(options.metricsPort, (metricsPort) =>
    startBridgeProcess({
      ...system,
      logFile,
      logs: () => readLog(logFile),
      broker,
      metricsPort,
      keepAlive: options.keepAlive ?? false,
    }),
  )
  return {
    url: broker.url,
    protocolVersion: broker.protocolVersion,
    kind: broker.kind,
    broker: broker.kind === 'external' ? undefined : broker,
    bridge,
  }
}

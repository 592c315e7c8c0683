import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { randomSecret } from '../launcher/secrets.ts'
import { startAedes } from './aedes.ts'
import { findMosquitto, startMosquitto } from './mosquitto.ts'
import type { BrokerPasswords, RunningBroker } from './running-broker.ts'

export interface StartBrokerOptions {
  /** Holds what the broker keeps, and the passwords of those who are no devices. */
  dataDir: string
  /** Where clients connect, on the loopback interface. */
  port: number
  /** `auto` takes Mosquitto where it is installed, else aedes. */
  kind: 'auto' | 'mosquitto' | 'aedes'
  /** Asked by aedes only, with `brokerSecret`. */
  edgeUrl: string
  brokerSecret: string
  /** Made and kept in `{dataDir}/broker-passwords.json` where left out. */
  secrets?: BrokerPasswords
  /** What the broker writes is added to it; `{dataDir}/broker.log` unless given. */
  logFile?: string
  /** Options of mosquitto.conf(5) that replace ours. */
  overrides?: Readonly<Record<string, string>>
}

/** Starts the local system's broker. @throws Error when it does not start */
export function startBroker(options: StartBrokerOptions): Promise<RunningBroker> {
  const { kind, secrets, dataDir, overrides = {} } = options
  const logFile = options.logFile ?? join(dataDir, 'broker.log')
  mkdirSync(dataDir, { recursive: true })
  const passwords = secrets ?? keptPasswords(join(dataDir, 'broker-passwords.json'))
  const mosquitto = kind === 'mosquitto' || (kind === 'auto' && findMosquitto() !== undefined)
  return mosquitto
    ? startMosquitto({ dataDir, port: options.port, passwords, logFile, overrides })
    : startAedes({ ...options, passwords, logFile })
}

function keptPasswords(path: string): BrokerPasswords {
  const kept: Partial<BrokerPasswords> = existsSync(path)
    ? JSON.parse(readFileSync(path, 'utf8'))
    : {}
  const { bridge, publisher, admin } = kept
  if (bridge && publisher && admin) return { bridge, publisher, admin }
  // A folder of an older version knows fewer.
  const made = {
    bridge: bridge ?? randomSecret('bridge'),
    publisher: publisher ?? randomSecret('publisher'),
    admin: admin ?? randomSecret('admin'),
  }
  writeFileSync(`${path}.new`, JSON.stringify(made), { mode: 0o600 })
  renameSync(`${path}.new`, path)
  return made
}

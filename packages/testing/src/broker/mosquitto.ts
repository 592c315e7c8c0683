import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../free-port.ts'
import { type Supervised, startSupervised } from '../launcher/supervised.ts'
import { repositoryRoot } from '../paths.ts'
import { startClientIdGate } from './client-id-gate.ts'
import { deviceOfUsername, mayUseClientId } from './client-ids.ts'
import {
  ADMIN_USERNAME,
  BRIDGE_USERNAME,
  PUBLISHER_USERNAME,
  readUsernames,
  writeDynamicSecurity,
} from './dynamic-security.ts'
import { listening } from './listening.ts'
import { configWith } from './mosquitto-config.ts'
import type { BrokerPasswords, RunningBroker } from './running-broker.ts'

const template = join(repositoryRoot, 'packages/operations/mosquitto/mosquitto.conf')
const PLUGIN = 'mosquitto_dynamic_security.so'

/** Where the program and its plugin are on this machine; `undefined` where either is missing. */
export function findMosquitto(): { program: string; plugin: string } | undefined {
  const folders = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/usr/local/sbin']
  const program = folders
    .map((folder) => join(folder, 'mosquitto'))
    .find((path) => existsSync(path))
  // Debian puts it into the multiarch library folder, others elsewhere.
  const plugin = ['/usr/lib', '/usr/lib64', '/usr/local/lib', '/opt/homebrew/lib']
    .flatMap((folder) => [folder, ...subfoldersOf(folder)])
    .map((folder) => join(folder, PLUGIN))
    .find((path) => existsSync(path))
  return program === undefined || plugin === undefined ? undefined : { program, plugin }
}

const subfoldersOf = (folder: string): string[] =>
  existsSync(folder)
    ? readdirSync(folder, { withFileTypes: true })
        .filter((entry) => entry.isDirectory() && entry.name.includes('-linux-'))
        .map(({ name }) => join(folder, name))
    : []

export interface MosquittoOptions {
  dataDir: string
  port: number
  passwords: BrokerPasswords
  logFile: string
  /** Options of mosquitto.conf(5) that replace the template's. */
  overrides?: Readonly<Record<string, string>>
}

/**
 * Starts an own Mosquitto, with its data in `{dataDir}/mosquitto`, behind a gate that keeps client ids apart.
 *
 * @throws Error with what Mosquitto wrote, when it does not start
 */
export async function startMosquitto(options: MosquittoOptions): Promise<RunningBroker> {
  const found = findMosquitto()
  if (found === undefined) throw new Error('mosquitto and its dynamic security are not installed')
  const folder = join(options.dataDir, 'mosquitto')
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const security = join(folder, 'dynsec.json')
  const inner = await freePort()
  const settings = {
    listener: `${inner} 127.0.0.1`,
    // The gate does better; see `startClientIdGate`.
    use_username_as_clientid: 'false',
    plugin: found.plugin,
    plugin_opt_config_file: security,
    persistence_location: `${folder}/`,
    // Root would become "mosquitto", which may not be able to write here.
    user: userInfo().username,
    ...options.overrides,
  }
  writeFileSync(
    join(folder, 'mosquitto.conf'),
    configWith(readFileSync(template, 'utf8'), settings),
  )
  writeDynamicSecurity(security, options.passwords)

  let process: Supervised
  const run = async () => {
    process = startSupervised(found.program, ['-c', join(folder, 'mosquitto.conf')], {
      cwd: folder,
      env: globalThis.process.env,
      output: { file: options.logFile },
    })
    await listening(inner, process, 'mosquitto', options.logFile)
  }
  await run()
  const gate = await startClientIdGate({
    port: options.port,
    target: inner,
    mayConnect: gateRule(security),
  }).catch(async (error: unknown) => {
    await process.kill()
    throw error
  })
  return {
    kind: 'mosquitto',
    url: `mqtt://127.0.0.1:${options.port}`,
    bridgeUrl: `mqtt://127.0.0.1:${inner}`,
    port: options.port,
    protocolVersion: 5,
    access: 'tell',
    bridge: { username: BRIDGE_USERNAME, password: options.passwords.bridge },
    publisher: { username: PUBLISHER_USERNAME, password: options.passwords.publisher },
    admin: { username: ADMIN_USERNAME, password: options.passwords.admin },
    get pid() {
      return process.pid
    },
    kill: async () => {
      await process.kill()
    },
    start: run,
    stop: async () => {
      await process.stop()
      await gate.close()
    },
  }
}

/** Mosquitto writes the file with every change, so that it always lists the devices that it knows. */
function gateRule(security: string) {
  let readAt = Number.NaN
  let names = new Set<string>()
  return ({ username = '', clientId }: { username?: string | undefined; clientId: string }) => {
    const { mtimeMs } = statSync(security)
    if (mtimeMs !== readAt) {
      try {
        names = new Set([...readUsernames(security)].map(deviceOfUsername))
        readAt = mtimeMs
      } catch {
        // Read in the middle of a write: the names of before serve until the next connect.
      }
    }
    return mayUseClientId(
      username,
      clientId,
      [BRIDGE_USERNAME, PUBLISHER_USERNAME, ADMIN_USERNAME],
      names,
    )
  }
}

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Supervised, startSupervised } from '../launcher/supervised.ts'
import { typeScriptFlags } from '../node-flags.ts'
import { BRIDGE_USERNAME } from './dynamic-security.ts'
import { listening } from './listening.ts'
import type { BrokerPasswords, RunningBroker } from './running-broker.ts'

const program = join(import.meta.dirname, 'aedes-program.ts')

export interface AedesOptions {
  dataDir: string
  port: number
  edgeUrl: string
  /** What the edge wants to see before it answers a broker. */
  brokerSecret: string
  passwords: BrokerPasswords
  logFile: string
}

/**
 * Starts the embedded broker: MQTT 3.1.1 only, and it keeps nothing across restarts.
 *
 * @throws Error with what it wrote, when it does not start
 */
export async function startAedes(options: AedesOptions): Promise<RunningBroker> {
  const { dataDir, port, edgeUrl, brokerSecret, passwords, logFile } = options
  mkdirSync(dataDir, { recursive: true })
  let running: Supervised
  const start = async () => {
    running = startSupervised(process.execPath, [...typeScriptFlags(), program], {
      cwd: dataDir,
      env: {
        ...process.env,
        PORT: String(port),
        EDGE_URL: edgeUrl,
        BROKER_SECRET: brokerSecret,
        BRIDGE_PASSWORD: passwords.bridge,
      },
      output: { file: logFile },
    })
    await listening(port, running, 'aedes', logFile)
  }
  await start()
  return {
    kind: 'aedes',
    url: `mqtt://127.0.0.1:${port}`,
    bridgeUrl: `mqtt://127.0.0.1:${port}`,
    port,
    protocolVersion: 4,
    access: 'ask',
    bridge: { username: BRIDGE_USERNAME, password: passwords.bridge },
    get pid() {
      return running.pid
    },
    kill: async () => {
      await running.kill()
    },
    start,
    stop: async () => {
      await running.stop()
    },
  }
}

import { join } from 'node:path'
import { wranglerScript } from '../paths.ts'
import { type Supervised, startSupervised } from './supervised.ts'

export interface WranglerDev {
  dataDir: string
  /** The gateway's first: wrangler gives the port to the first one. */
  configPaths: readonly string[]
  port: number
  logFile: string
}

/** Starts all Workers in one `wrangler dev`, so that queues, objects and bindings reach each other in one workerd. */
export function startWranglerDev({ dataDir, configPaths, port, logFile }: WranglerDev): Supervised {
  const args = [
    wranglerScript,
    'dev',
    ...configPaths.flatMap((path) => ['-c', path]),
    ...['--ip', '127.0.0.1', '--port', String(port)],
    ...['--inspector-ip', '127.0.0.1', '--inspector-port', '0'],
    ...['--persist-to', join(dataDir, 'state')],
    ...['--log-level', 'log', '--show-interactive-dev-session=false'],
  ]
  return startSupervised(process.execPath, args, {
    cwd: join(dataDir, 'config'),
    env: { ...process.env, ...wranglerEnvironment(dataDir) },
    output: { file: logFile },
  })
}

/** Keeps wrangler to itself: no telemetry, no log files and no registry shared with other running systems. */
export const wranglerEnvironment = (dataDir: string): Record<string, string> => ({
  CLOUDFLARE_CF_FETCH_ENABLED: 'false',
  FORCE_COLOR: '0',
  WRANGLER_CACHE_DIR: join(dataDir, 'cache'),
  WRANGLER_HIDE_BANNER: 'true',
  // Queues cross processes through the registry: two systems with one registry would take each other's messages.
  WRANGLER_REGISTRY_PATH: join(dataDir, 'registry'),
  WRANGLER_SEND_ERROR_REPORTS: 'false',
  WRANGLER_SEND_METRICS: 'false',
  WRANGLER_WRITE_LOGS: 'false',
})

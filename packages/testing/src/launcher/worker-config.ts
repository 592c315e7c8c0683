import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parse } from 'smol-toml'

/** What this package reads of a wrangler.toml. Everything else passes through untouched. */
export interface WranglerConfig {
  name: string
  main: string
  vars?: Record<string, string>
  secrets?: { required?: string[] }
  assets?: { directory?: string }
  d1_databases?: D1Binding[]
  queues?: { producers?: QueueProducer[]; consumers?: QueueConsumer[] }
  workers_dev?: boolean
  preview_urls?: boolean
  routes?: unknown[]
  route?: unknown
  [key: string]: unknown
}

export interface D1Binding {
  binding: string
  database_name: string
  database_id?: string
  migrations_dir?: string
}

export interface QueueProducer {
  binding: string
  queue: string
}

export interface QueueConsumer {
  queue: string
  max_batch_size?: number
  max_batch_timeout?: number
  max_retries?: number
  dead_letter_queue?: string
}

/** One Worker of the system as its wrangler.toml declares it. */
export interface WorkerSource {
  /** The role: `gateway` for the file at the root, else the folder's name. */
  role: string
  /** Absolute; paths inside the file are relative to its folder. */
  configPath: string
  folder: string
  config: WranglerConfig
}

/**
 * Reads every Worker's wrangler.toml: the gateway's at the root first, then `workers/*` by name.
 *
 * @throws Error that names the file when one cannot be parsed or has no `name` or `main`
 */
export function readWorkers(root: string): WorkerSource[] {
  const folder = join(root, 'workers')
  const inside = existsSync(folder) ? readdirSync(folder).sort() : []
  return [
    { role: 'gateway', configPath: join(root, 'wrangler.toml') },
    ...inside.map((role) => ({ role, configPath: join(folder, role, 'wrangler.toml') })),
  ]
    .filter(({ configPath }) => existsSync(configPath))
    .map(({ role, configPath }) => ({
      role,
      configPath,
      folder: dirname(configPath),
      config: parseConfig(readFileSync(configPath, 'utf8'), configPath),
    }))
}

/** Parses one wrangler.toml. `path` is only named in errors. */
export function parseConfig(text: string, path: string): WranglerConfig {
  let config: Record<string, unknown>
  try {
    config = parse(text)
  } catch (error) {
    throw new Error(`${path}: ${error instanceof Error ? error.message : String(error)}`)
  }
  const { name, main } = config
  if (typeof name !== 'string' || typeof main !== 'string') {
    throw new Error(`${path}: a Worker needs "name" and "main"`)
  }
  return { ...config, name, main }
}

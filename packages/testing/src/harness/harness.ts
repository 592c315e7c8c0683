import { randomUUID } from 'node:crypto'
import type { D1Database } from '@cloudflare/workers-types'
import { createTestHarness, type TestHarness } from 'wrangler'
import { startFaultProxy } from '../fault-proxy.ts'
import { freePort } from '../free-port.ts'
import { writeConfiguration } from '../launcher/configuration.ts'
import { type DemoUser, ensureDemoUsers } from '../launcher/demo-users.ts'
import { refuseUnknownVars } from '../launcher/derive-config.ts'
import { doorFor } from '../launcher/door-files.ts'
import { type RunningLab, startLabBeside } from '../launcher/lab.ts'
import { databasesOf } from '../launcher/migration-files.ts'
import { applyMigrations } from '../launcher/migrations.ts'
import { readConfigs } from '../launcher/read-configs.ts'
import { ensureSecrets, type Secrets } from '../launcher/secrets.ts'
import { localVars } from '../launcher/vars.ts'
import { readWorkers, type WorkerSource } from '../launcher/worker-config.ts'
import { repositoryRoot } from '../paths.ts'
import { temporaryFolder } from '../temporary-folder.ts'
import type { HarnessSystem } from './harness-system.ts'

export interface HarnessOptions {
  /** Starts the lab beside it. */
  lab?: boolean
  /** Writes the demo users. */
  seed?: boolean
  /** Overrides for variables that some wrangler.toml declares, and `CLOCK_OFFSET_MS`. */
  vars?: Readonly<Record<string, string>>
  /** Opens the test-only doors. */
  doors?: boolean
  /** The folder with the gateway's wrangler.toml and `workers/`; this repository unless given. */
  root?: string
}

/**
 * Starts the whole system inside this process, from the same derived configurations as the launcher but on fresh
 * storage that ends with it. About two seconds; for everything that needs no kill.
 *
 * Clients reach it through a fault proxy, since the address must be known before the harness chooses its port.
 */
export async function startHarness(options: HarnessOptions = {}): Promise<HarnessSystem> {
  const { root = repositoryRoot, doors = false } = options
  const { CLOCK_OFFSET_MS = '0', ...vars } = options.vars ?? {}
  // Otherwise wrangler asks the network for a sample of `request.cf`.
  process.env.CLOUDFLARE_CF_FETCH_ENABLED ??= 'false'
  const sources = readWorkers(root)
  refuseUnknownVars(sources, vars)

  const folder = await temporaryFolder('harness')
  // Its port is known before the harness has one; connections before that are refused.
  const proxy = await startFaultProxy(0)
  const { url } = proxy
  const secrets = ensureSecrets(folder.path, sources)
  let lab: RunningLab | undefined
  let harness: TestHarness | undefined
  const stop = async () => {
    await proxy.close()
    await harness?.close()
    await lab?.stop()
    await folder.remove()
  }

  try {
    if (options.lab) {
      lab = await startLabBeside({
        dataDir: folder.path,
        preferredPort: await freePort(),
        gatewayUrl: url,
        secrets,
      })
    }
    const configPaths = writeConfiguration(folder.path, sources, secrets, {
      common: { ENVIRONMENT: 'test', PUBLIC_URL: url, BOOT_ID: randomUUID(), CLOCK_OFFSET_MS },
      declared: { ...localVars('test', lab?.url), ...vars },
      doorFor: doors ? (role) => doorFor(root, role) : undefined,
    })
    harness = createTestHarness({
      root: folder.path,
      workers: configPaths.map((configPath) => ({ configPath })),
    })
    const started = await harness.listen()
    proxy.target = Number(started.url.port)

    const running = { harness, sources }
    const configs = readConfigs(configPaths)
    for (const { name, migrations } of databasesOf(configs)) {
      await applyMigrations(await databaseOf(running, name), migrations)
    }
    const users = options.seed ? await seed(running, folder.path, secrets) : []
    return {
      ...{ url, wsUrl: proxy.wsUrl, dataDir: folder.path, secrets, users, proxy, stop },
      labUrl: lab?.url,
      logs: () =>
        running.harness
          .getLogs()
          .map(({ message }) => `${message}\n`)
          .join(''),
      env: (role) => running.harness.getWorker(nameOf(sources, role)).getEnv(),
      database: (role) => databaseOf(running, ownDatabase(sources, role)),
      evict: async (object) => {
        const worker = running.harness.getWorker(nameOf(sources, object.role))
        await worker.evictDurableObject(object.className, {
          name: object.name,
          webSockets: object.webSockets ?? 'hibernate',
        })
      },
      listObjects: (role, className) =>
        running.harness.getWorker(nameOf(sources, role)).listDurableObjectIds(className),
      storage: ({ role, className, ...which }) =>
        running.harness.getWorker(nameOf(sources, role)).getDurableObjectStorage(className, which),
    }
  } catch (error) {
    await stop()
    throw error
  }
}

interface Running {
  harness: TestHarness
  sources: readonly WorkerSource[]
}

async function seed(running: Running, dataDir: string, secrets: Secrets): Promise<DemoUser[]> {
  const { ACCOUNTS_DATABASE, seedUsers } = await import('../launcher/seed.ts')
  const users = ensureDemoUsers(dataDir)
  const database = await databaseOf(running, ACCOUNTS_DATABASE)
  await seedUsers(database, users, Date.now(), secrets.KEY_ENCRYPTION_KEY)
  return users
}

/** @throws Error when no Worker binds a database of that name */
async function databaseOf({ harness, sources }: Running, name: string): Promise<D1Database> {
  for (const { config } of sources) {
    const bound = config.d1_databases?.find(({ database_name }) => database_name === name)
    if (bound === undefined) continue
    const env = await harness.getWorker<Record<string, D1Database>>(config.name).getEnv()
    const database = env[bound.binding]
    if (database !== undefined) return database
  }
  throw new Error(`no Worker binds the database ${name}`)
}

function ownDatabase(sources: readonly WorkerSource[], role: string): string {
  const source = sources.find((candidate) => candidate.role === role)
  const [database] = source?.config.d1_databases ?? []
  if (database === undefined) throw new Error(`the Worker ${role} has no database`)
  return database.database_name
}

function nameOf(sources: readonly WorkerSource[], role: string): string {
  const source = sources.find((candidate) => candidate.role === role)
  if (source === undefined) throw new Error(`there is no Worker ${role}`)
  return source.config.name
}

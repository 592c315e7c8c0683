import { join } from 'node:path'
import type { D1Database } from '@cloudflare/workers-types'
import { getPlatformProxy } from 'wrangler'
import { writeDatabasesConfig } from './databases-config.ts'
import { databasesOf } from './migration-files.ts'
import { applyMigrations } from './migrations.ts'
import type { WranglerConfig } from './worker-config.ts'

/** Opens a database by its name, such as `menagerie-accounts`. */
export type OpenDatabase = (databaseName: string) => D1Database | undefined

/**
 * Opens the databases of a stopped system, brings each to its newest migration, and lets `work` use them.
 *
 * Must not run beside the system: two workerd processes on one file may end with `database is locked`.
 */
export async function withDatabases(
  dataDir: string,
  configs: readonly WranglerConfig[],
  work: (open: OpenDatabase) => Promise<void>,
): Promise<void> {
  const databases = databasesOf(configs)
  if (databases.length === 0) return work(() => undefined)

  const proxy = await getPlatformProxy<Record<string, D1Database>>({
    configPath: writeDatabasesConfig(dataDir, databases),
    // `wrangler dev --persist-to X` keeps its state in X/v3.
    persist: { path: join(dataDir, 'state', 'v3') },
    envFiles: [],
    remoteBindings: false,
  })
  try {
    for (const { name, migrations } of databases) {
      const database = proxy.env[name]
      if (database !== undefined) await applyMigrations(database, migrations)
    }
    await work((name) => proxy.env[name])
  } finally {
    await proxy.dispose()
  }
}

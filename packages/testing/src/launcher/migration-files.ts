import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { WranglerConfig } from './worker-config.ts'

export interface Migration {
  /** The file's name, as wrangler records it. */
  name: string
  sql: string
}

/** The `.sql` files of a migrations folder, in the order of their names; none when there is no folder. */
export function readMigrations(folder: string): Migration[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter((name) => name.endsWith('.sql'))
    .sort()
    .map((name) => ({ name, sql: readFileSync(join(folder, name), 'utf8') }))
}

/** Every database of the derived configurations, once, with its migrations. */
export function databasesOf(configs: readonly WranglerConfig[]) {
  return configs.flatMap((config) =>
    (config.d1_databases ?? []).map((database) => ({
      name: database.database_name,
      id: database.database_id ?? database.database_name,
      migrations: readMigrations(database.migrations_dir ?? ''),
    })),
  )
}

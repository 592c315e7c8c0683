import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Writes a configuration that binds every database by its name and nothing else.
 *
 * @returns the file's path, in a folder of its own since the Workers' secrets lie beside theirs
 */
export function writeDatabasesConfig(
  dataDir: string,
  databases: readonly { name: string; id: string }[],
): string {
  const folder = join(dataDir, 'config', 'databases')
  mkdirSync(folder, { recursive: true })
  const path = join(folder, 'wrangler.json')
  const bindings = databases.map(({ name, id }) => ({
    binding: name,
    database_name: name,
    database_id: id,
  }))
  const config = { name: 'databases', compatibility_date: '2026-11-01', d1_databases: bindings }
  writeFileSync(path, `${JSON.stringify(config, null, 2)}\n`)
  return path
}

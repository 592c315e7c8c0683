import type { D1Database } from '@cloudflare/workers-types'
import { unstable_splitSqlQuery } from 'wrangler'
import type { Migration } from './migration-files.ts'

/** Wrangler's own table, so that `wrangler d1 migrations` and this code see the same state. */
const TABLE = `CREATE TABLE IF NOT EXISTS d1_migrations(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT UNIQUE,
  applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL
)`

/**
 * Applies what the database lacks. A file and its record are one batch: all of it or nothing.
 *
 * @returns the names that were applied now
 * @throws Error that names the file whose SQL failed
 */
export async function applyMigrations(
  database: D1Database,
  migrations: readonly Migration[],
): Promise<string[]> {
  await database.prepare(TABLE).run()
  const { results } = await database
    .prepare('SELECT name FROM d1_migrations')
    .all<{ name: string }>()
  const known = new Set(results.map(({ name }) => name))
  const missing = migrations.filter(({ name }) => !known.has(name))
  for (const { name, sql } of missing) {
    const record = database.prepare('INSERT INTO d1_migrations (name) VALUES (?)').bind(name)
    const statements = unstable_splitSqlQuery(sql).map((statement) => database.prepare(statement))
    try {
      await database.batch([...statements, record])
    } catch (error) {
      throw new Error(
        `migration ${name}: ${error instanceof Error ? error.message : String(error)}`,
      )
    }
  }
  return missing.map(({ name }) => name)
}

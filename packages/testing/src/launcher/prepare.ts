import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { typeScriptFlags } from '../node-flags.ts'
import { databasesOf } from './migration-files.ts'
import { readConfigs } from './read-configs.ts'
import { tail } from './readiness.ts'
import { type Supervised, startSupervised } from './supervised.ts'
import { wranglerEnvironment } from './wrangler-dev.ts'

const program = fileURLToPath(new URL('./prepare-program.ts', import.meta.url))

export interface Preparation {
  dataDir: string
  configPaths: readonly string[]
  seed: boolean
  logFile: string
  logs: () => string
  /** Told of the process, so that it can be ended with the rest. */
  onStart: (process: Supervised) => void
}

/**
 * Applies missing migrations and writes the demo users into an empty accounts database. Starts nothing when the same
 * was done for this state before.
 *
 * @throws Error with the end of the log, which names the migration that failed
 */
export async function prepareDatabases(preparation: Preparation): Promise<void> {
  const { dataDir, configPaths, seed, logFile, logs, onStart } = preparation
  const done = { file: join(dataDir, 'state', 'prepared'), mark: markOf(configPaths, seed) }
  if (existsSync(done.file) && readFileSync(done.file, 'utf8') === done.mark) return

  const args = [...typeScriptFlags(), program, dataDir, seed ? 'seed' : 'no-seed', ...configPaths]
  const running = startSupervised(process.execPath, args, {
    cwd: dataDir,
    env: { ...process.env, ...wranglerEnvironment(dataDir) },
    output: { file: logFile },
  })
  onStart(running)
  const code = await running.exited
  if (code !== 0) throw new Error(`the databases could not be prepared:\n${tail(logs(), 30)}`)
  mkdirSync(join(dataDir, 'state'), { recursive: true })
  writeFileSync(done.file, done.mark)
}

/** Changes with every migration, and with the wish for demo users. */
function markOf(configPaths: readonly string[], seed: boolean): string {
  const databases = databasesOf(readConfigs(configPaths))
  return createHash('sha256').update(JSON.stringify({ seed, databases })).digest('hex')
}

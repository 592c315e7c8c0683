import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Derivation, deriveConfig } from './derive-config.ts'
import type { Secrets } from './secrets.ts'
import type { WorkerSource } from './worker-config.ts'

/**
 * Writes every Worker's derived configuration, and the secrets beside them, where wrangler looks for both.
 *
 * @returns `{dataDir}/config/{role}.json` of every Worker, the gateway's first
 */
export function writeConfiguration(
  dataDir: string,
  sources: readonly WorkerSource[],
  secrets: Secrets,
  derivation: Derivation,
): string[] {
  const folder = join(dataDir, 'config')
  mkdirSync(folder, { recursive: true })
  // Each Worker gets from it only the names under its own `[secrets] required`.
  const lines = Object.entries(secrets).map(([name, value]) => `${name}=${JSON.stringify(value)}\n`)
  writeFileSync(join(folder, '.dev.vars'), lines.join(''), { mode: 0o600 })

  return sources.map((source) => {
    const path = join(folder, `${source.role}.json`)
    writeFileSync(path, `${JSON.stringify(deriveConfig(source, derivation), null, 2)}\n`)
    return path
  })
}

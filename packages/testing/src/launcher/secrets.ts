import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { WorkerSource } from './worker-config.ts'

export type Secrets = Record<string, string>

/**
 * The secrets of one data folder, by name. Made of random values the first time a name is asked for and kept in
 * `secrets.json` (readable by the owner only), since what they encrypted stays in the folder too.
 *
 * Workers that require the same name get the same value.
 */
export function ensureSecrets(dataDir: string, sources: readonly WorkerSource[]): Secrets {
  const path = join(dataDir, 'secrets.json')
  const kept: Secrets = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : {}
  const missing = requiredNames(sources).filter((name) => !(name in kept))
  if (missing.length === 0) return kept

  const secrets = {
    ...kept,
    ...Object.fromEntries(missing.map((name) => [name, randomSecret(name)])),
  }
  writeFileSync(path, `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600 })
  return secrets
}

/** 32 random bytes, base64url. An account SID has the shape Twilio documents: `AC` and 32 hexadecimal digits. */
export function randomSecret(name: string): string {
  if (name.endsWith('ACCOUNT_SID')) return `AC${randomBytes(16).toString('hex')}`
  return randomBytes(32).toString('base64url')
}

const requiredNames = (sources: readonly WorkerSource[]): string[] => [
  ...new Set(sources.flatMap(({ config }) => config.secrets?.required ?? [])),
]

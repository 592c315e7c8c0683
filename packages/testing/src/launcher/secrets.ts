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
  const kept = keptSecrets(dataDir)
  const missing = requiredNames(sources).filter((name) => !(name in kept))
  if (missing.length === 0) return kept

  const secrets = {
    ...kept,
    ...Object.fromEntries(missing.map((name) => [name, randomSecret(name)])),
  }
  writeFileSync(pathOf(dataDir), `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600 })
  return secrets
}

const pathOf = (dataDir: string): string => join(dataDir, 'secrets.json')

/** Those that were made for a data folder so far. */
export const keptSecrets = (dataDir: string): Secrets =>
  existsSync(pathOf(dataDir)) ? JSON.parse(readFileSync(pathOf(dataDir), 'utf8')) : {}

/** 32 random bytes, base64url. An account SID has the shape Twilio documents: `AC` and 32 hexadecimal digits. */
export function randomSecret(name: string): string {
  if (name.endsWith('ACCOUNT_SID')) return `AC${randomBytes(16).toString('hex')}`
  return randomBytes(32).toString('base64url')
}

const requiredNames = (sources: readonly WorkerSource[]): string[] => [
  ...new Set(sources.flatMap(({ config }) => config.secrets?.required ?? [])),
]

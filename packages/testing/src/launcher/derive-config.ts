import { join, resolve } from 'node:path'
import type { WorkerSource, WranglerConfig } from './worker-config.ts'

/** Values that every Worker gets, whatever its wrangler.toml says. */
export interface CommonVars {
  ENVIRONMENT: 'development' | 'test'
  PUBLIC_URL: string
  BOOT_ID: string
  CLOCK_OFFSET_MS: string
}

export interface Derivation {
  common: CommonVars
  /** Given to the Workers whose wrangler.toml declares the name. */
  declared: Readonly<Record<string, string>>
  /** Finds the entry file with the test-only doors; refused outside `ENVIRONMENT = "test"`. */
  doorFor?: ((role: string) => string | undefined) | undefined
}

/**
 * Turns a Worker's own configuration into the one that runs locally: absolute paths, since the result lives in
 * `DATA_DIR`, a fixed id per database, and the variables of this start.
 */
export function deriveConfig(source: WorkerSource, derivation: Derivation): WranglerConfig {
  const { config, folder, role } = source
  if (derivation.doorFor !== undefined && derivation.common.ENVIRONMENT !== 'test') {
    throw new Error('the test-only doors open only where ENVIRONMENT is "test"')
  }
  const derived: WranglerConfig = {
    ...config,
    main: derivation.doorFor?.(role) ?? resolve(folder, config.main),
    // An absent list would hand this Worker every secret.
    secrets: { required: config.secrets?.required ?? [] },
    vars: { ...config.vars, ...pickDeclared(config, derivation.declared), ...derivation.common },
  }
  if (config.assets?.directory !== undefined) {
    derived.assets = { ...config.assets, directory: resolve(folder, config.assets.directory) }
  }
  if (config.d1_databases !== undefined) {
    derived.d1_databases = config.d1_databases.map((database) => ({
      ...database,
      database_id: localDatabaseId(database.database_name),
      migrations_dir: join(folder, database.migrations_dir ?? 'migrations'),
    }))
  }
  return derived
}

/** Local storage is found by this id, so it must never change. */
export const localDatabaseId = (databaseName: string): string => `local-${databaseName}`

/**
 * A name that no Worker declares would be dropped in silence, so it is refused.
 *
 * @throws Error that names the unknown variable
 */
export function refuseUnknownVars(
  sources: readonly WorkerSource[],
  vars: Readonly<Record<string, string>>,
): void {
  for (const name of Object.keys(vars)) {
    if (!sources.some(({ config }) => config.vars !== undefined && name in config.vars)) {
      throw new Error(`no wrangler.toml declares the variable ${name}`)
    }
  }
}

function pickDeclared(
  config: WranglerConfig,
  values: Readonly<Record<string, string>>,
): Record<string, string> {
  const declared = Object.keys(config.vars ?? {})
  return Object.fromEntries(Object.entries(values).filter(([name]) => declared.includes(name)))
}

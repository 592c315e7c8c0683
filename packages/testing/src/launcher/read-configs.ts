import { readFileSync } from 'node:fs'
import type { WranglerConfig } from './worker-config.ts'

/** Reads derived configurations back. */
export const readConfigs = (paths: readonly string[]): WranglerConfig[] =>
  paths.map((path) => JSON.parse(readFileSync(path, 'utf8')))

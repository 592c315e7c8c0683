import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))

/** The folder of this package. */
export const testingFolder = resolve(here, '..')

/** The folder that holds the gateway's wrangler.toml and `workers/`. */
export const repositoryRoot = resolve(here, '..', '..', '..')

/** Wrangler's own script: the shim in `.bin` is a shell that would outlive a signal and leave its children behind. */
export const wranglerScript = resolve(repositoryRoot, 'node_modules/wrangler/bin/wrangler.js')

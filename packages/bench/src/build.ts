import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { repositoryRoot } from '@menagerie/testing/local'

const wrangler = join(repositoryRoot, 'node_modules/wrangler/bin/wrangler.js')

/**
 * Bundles a Worker as a deploy would.
 *
 * @param config a wrangler configuration with absolute paths
 * @returns the folder with the bundle
 * @throws Error with what wrangler wrote
 */
export function build(
  folder: string,
  config: { name: string },
): { configPath: string; bundle: string } {
  const configPath = join(folder, `${config.name}.json`)
  const bundle = join(folder, 'dist', config.name)
  writeFileSync(configPath, JSON.stringify(config))
  const run = spawnSync(
    process.execPath,
    [wrangler, 'deploy', '--dry-run', '--outdir', bundle, '-c', configPath],
    {
      cwd: folder,
      encoding: 'utf8',
      env: { ...process.env, WRANGLER_SEND_METRICS: 'false', CI: '1' },
    },
  )
  if (run.status !== 0)
    throw new Error(`${config.name} does not build:\n${run.stdout}${run.stderr}`)
  return { configPath, bundle }
}

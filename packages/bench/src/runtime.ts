import { readFileSync } from 'node:fs'
import { basename, extname, join } from 'node:path'
import { convertV4MiniflareOptions, Miniflare } from 'miniflare'
import { unstable_getMiniflareWorkerOptions } from 'wrangler'
import { build } from './build.ts'

export interface BuiltWorker {
  name: string
  main: string
  [key: string]: unknown
}

/**
 * Runs built Workers in one workerd, without the proxies that `wrangler dev` puts in front of it: those would be what a
 * benchmark measures. The first Worker answers.
 *
 * @param port any free one unless given
 */
export async function runBuilt(
  folder: string,
  configs: readonly BuiltWorker[],
  bindings: Readonly<Record<string, string>>,
  port = 0,
): Promise<{ runtime: Miniflare; url: string }> {
  const workers = configs.map((config) => {
    const { configPath, bundle } = build(folder, config)
    const { workerOptions } = unstable_getMiniflareWorkerOptions(configPath)
    const entry = `${basename(config.main, extname(config.main))}.js`
    return {
      ...workerOptions,
      bindings: { ...(workerOptions.bindings as object | undefined), ...bindings },
      name: config.name,
      modules: [
        {
          type: 'ESModule' as const,
          path: entry,
          contents: readFileSync(join(bundle, entry), 'utf8'),
        },
      ],
    }
  })
  const runtime = new Miniflare(
    convertV4MiniflareOptions({
      workers,
      host: '127.0.0.1',
      port,
      cf: false,
      // Read and dropped: printing the Workers' lines would be what is measured.
      handleStructuredLogs: () => {},
    }),
  )
  const url = await runtime.ready
  return { runtime, url: url.origin }
}

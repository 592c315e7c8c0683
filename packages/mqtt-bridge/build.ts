import { join } from 'node:path'
import { buildSync } from 'esbuild'

/** `mqtt.js`, `ws` and `prom-client` are CommonJS and ask for Node's own modules by `require`. */
const REQUIRE = `import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);`

/**
 * Writes the bridge with all it needs as one file of JavaScript, for Node 22 or newer. It needs 40 MB less than the
 * sources: the compiler with which Node strips types stays in memory.
 *
 * @param folder made when it is missing; the file there is replaced
 * @returns the file
 * @throws Error with what does not build
 */
export function buildBridge(folder: string): string {
  const outfile = join(folder, 'mqtt-bridge.mjs')
  buildSync({
    entryPoints: [join(import.meta.dirname, 'src/main.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node22',
    banner: { js: REQUIRE },
    logLevel: 'silent',
  })
  return outfile
}

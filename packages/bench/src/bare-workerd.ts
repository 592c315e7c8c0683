import { type ChildProcess, spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { basename, dirname, extname, join } from 'node:path'
import { freePort, waitFor } from '@menagerie/testing'
import workerd from 'workerd'
import { build } from './build.ts'
import type { BuiltWorker } from './runtime.ts'

/**
 * Runs one Worker that needs no storage in workerd alone. Miniflare's own entry Worker takes part in every request, and for
 * what costs a hundred microseconds that is what one would measure.
 */
export async function runBare(
  folder: string,
  config: BuiltWorker,
  bindings: Readonly<Record<string, string>>,
): Promise<{ url: string; stop: () => Promise<void> }> {
  const { bundle } = build(folder, config)
  const entry = `${basename(config.main, extname(config.main))}.js`
  const port = await freePort()
  const path = join(bundle, 'config.capnp')
  writeFileSync(path, configuration(config, entry, bindings, port))
  const child = spawn(workerd.default, ['serve', path], { cwd: dirname(path), stdio: 'ignore' })
  const url = `http://127.0.0.1:${port}`
  await waitFor(async () => (await fetch(url).catch(() => undefined)) !== undefined, {
    what: `${config.name} to answer`,
  })
  return { url, stop: () => end(child) }
}

/** Cap'n Proto, as workerd reads it; JSON's strings are its strings. */
function configuration(
  config: BuiltWorker,
  entry: string,
  bindings: Readonly<Record<string, string>>,
  port: number,
): string {
  const variables = Object.entries(bindings).map(
    ([name, text]) => `(name = ${JSON.stringify(name)}, text = ${JSON.stringify(text)})`,
  )
  const flags = (config.compatibility_flags as string[]).map((flag) => JSON.stringify(flag))
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .worker)],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")]
);
const worker :Workerd.Worker = (
  modules = [(name = "${entry}", esModule = embed "${entry}")],
  compatibilityDate = ${JSON.stringify(config.compatibility_date)},
  compatibilityFlags = [${flags.join(', ')}],
  bindings = [${variables.join(', ')}]
);
`
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  const gone = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  await gone
}

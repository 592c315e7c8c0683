import { isPortFree } from '../free-port.ts'
import { type DemoLine, ensureDemoLine } from '../launcher/demo-line.ts'
import { holderOf } from '../launcher/held.ts'
import { launch } from '../launcher/launch.ts'
import type { System } from '../launcher/system.ts'
import { repositoryRoot } from '../paths.ts'
import { writeDemoFile } from './demo-file.ts'
import { describeBroker, firstScreen } from './first-screen.ts'
import { onEnd } from './lifetime.ts'
import { readSettings } from './settings.ts'
import { fail, say, seconds } from './terminal.ts'

/** A runtime that ends more often than this is not started again and again. */
const RESTARTS_PER_MINUTE = 3

/**
 * `npm start [-- --workers <folder>]`: the whole system until Ctrl-C. `--workers` runs another folder with a
 * wrangler.toml and `workers/`, without lab, broker and demo users.
 */
const began = performance.now()
const other = folderArgument(process.argv.slice(2))
const read = readSettings(process.env)
if (!read.ok) fail(read.reason)
const { port, dataDir } = read.settings

const holder = holderOf(dataDir)
if (holder !== undefined) {
  fail(`${dataDir} is used by a running system (process ${holder.pid}): stop it, or set DATA_DIR`)
}
if (!(await isPortFree(port))) {
  fail(`Port ${port} is in use: stop what listens there, or set PORT=${port + 10} npm start`)
}

let system: System | undefined
let line: DemoLine | undefined
const restarts: number[] = []
onEnd(() => {
  // Before the system is up there is nothing to end in peace: the supervisor sees this process go.
  if (system === undefined) process.exit(0)
  void system.stop().finally(() => process.exit(0))
})

try {
  system = await launch({
    dataDir,
    port,
    root: other ?? repositoryRoot,
    lab: other === undefined,
    seed: other === undefined,
    ...(other === undefined ? { mqtt: { port: 1883, metricsPort: 9090, keepAlive: true } } : {}),
    onCrash: () => void startAgain(),
  })
  if (other === undefined) line = await ensureDemoLine(system)
} catch (error) {
  fail(error instanceof Error ? error.message : String(error))
}
const broker = describeBroker(system.mqtt?.kind, system.mqtt?.protocolVersion)
say(firstScreen(writeDemoFile(system, line), dataDir, seconds(performance.now() - began), broker))

async function startAgain(): Promise<void> {
  if (system === undefined) return
  const now = performance.now()
  if (restarts.filter((at) => at > now - 60_000).length >= RESTARTS_PER_MINUTE) {
    await system.stop()
    fail(`The runtime ends again and again: see ${dataDir}/menagerie.log`)
  }
  restarts.push(now)
  try {
    await system.restart()
    say('The runtime had ended and was started again.')
  } catch (error) {
    await system.stop()
    fail(error instanceof Error ? error.message : String(error))
  }
}

function folderArgument(args: readonly string[]): string | undefined {
  const [name, folder] = args
  if (name === undefined) return undefined
  if (name !== '--workers' || folder === undefined) fail(`Unknown argument ${name}`)
  return folder
}

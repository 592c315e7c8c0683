import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fail } from './fail.mjs'
import { endWithParent } from './parent.mjs'

/** After this long a command that was told to end is ended. */
const PATIENCE_MS = 4_000

/**
 * Runs a command's TypeScript, passes signals on and ends with its exit code.
 *
 * The command holds an IPC channel to this process, so it notices when this process is killed; this process in turn
 * notices when npm is killed. Nothing is left behind whichever of them goes first.
 *
 * @param {{root: string, node: {path: string, flags: string[]}, entry: string, args: string[]}} what
 */
export function handOver({ root, node, entry, args }) {
  const path = [dirname(node.path), join(root, 'node_modules', '.bin'), process.env.PATH ?? '']
  const child = spawn(node.path, [...node.flags, entry, ...args], {
    cwd: root,
    env: {
      ...process.env,
      PATH: path.join(delimiter),
      WRANGLER_SEND_METRICS: 'false',
      // Otherwise wrangler asks the network for a sample of `request.cf` at every start.
      CLOUDFLARE_CF_FETCH_ENABLED: 'false',
    },
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  })
  const end = (signal) => {
    child.kill(signal)
    setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS).unref()
  }
  // A handler also takes back a SIGINT that was inherited as ignored, as it is in a shell's background job.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => end(signal))
  endWithParent(() => end('SIGTERM'))

  child.on('error', (error) => fail(`${node.path} could not be started: ${error.message}`))
  child.on('exit', (code, signal) => {
    process.exit(code ?? 128 + (constants.signals[signal] ?? 0))
  })
}

// Holds one program and all that it starts in a process group of its own, so that the group can be ended whole.
//
// Started by the launcher as the leader of a new group, with an IPC channel. When the channel closes, the launcher is
// gone, however it went, and the group goes with it. A message `stop` ends the program in peace first.
import { spawn } from 'node:child_process'

/** Given to the program to end by itself. */
const PATIENCE_MS = 2_500

const [program, ...args] = process.argv.slice(2)
if (program === undefined) process.exit(2)

const child = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit'] })

// Includes this process. SIGKILL, since what is left has had its time.
const endGroup = () => process.kill(-process.pid, 'SIGKILL')

const stop = () => {
  child.kill('SIGTERM')
  setTimeout(endGroup, PATIENCE_MS)
}

// What the program left running goes with it; the launcher is told the exit code first.
child.on('exit', (code, signal) => {
  if (!process.connected) endGroup()
  process.send({ code, signal }, endGroup)
})
child.on('error', endGroup)
process.on('disconnect', endGroup)
process.on('message', (message) => {
  if (message === 'stop') stop()
})
process.on('SIGTERM', stop)
// Ctrl-C reaches the launcher, which then says `stop`.
process.on('SIGINT', () => {})
process.on('SIGHUP', () => {})

import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { testingFolder } from '../paths.ts'
import { groupGone, killGroup } from './process-group.ts'

const supervisor = join(testingFolder, 'bin', 'supervisor.mjs')

/** A program and all it started, in one process group. */
export interface Supervised {
  /** The group's id. */
  pid: number
  /** Settles with the program's exit code when it is gone, and with it the whole group; `null` after a kill. */
  exited: Promise<number | null>
  /** In peace: SIGTERM first, SIGKILL for what is left after 2.5 s. */
  stop(): Promise<unknown>
  /** SIGKILL to the whole group at once. */
  kill(): Promise<unknown>
}

export interface SupervisedOptions {
  cwd: string
  env: NodeJS.ProcessEnv
  /** A file that both output streams are appended to, or this process's own. */
  output: { file: string } | 'inherit'
}

/**
 * Starts a program that cannot outlive this process: its supervisor leads a group of its own and ends the group when
 * this process is gone, even by SIGKILL.
 */
export function startSupervised(
  program: string,
  args: readonly string[],
  { cwd, env, output }: SupervisedOptions,
): Supervised {
  const file = output === 'inherit' ? undefined : openSync(output.file, 'a')
  const child = spawn(process.execPath, [supervisor, program, ...args], {
    cwd,
    env,
    detached: true,
    stdio: ['ignore', file ?? 'inherit', file ?? 'inherit', 'ipc'],
  })
  if (file !== undefined) closeSync(file)
  const { pid } = child
  if (pid === undefined) throw new Error(`${process.execPath} could not be started`)

  let code: number | null = null
  child.on('message', (message: { code: number | null }) => {
    code = message.code
  })
  const exited = new Promise<number | null>((resolve) => {
    child.once('exit', () => {
      // The supervisor ends its group with itself, unless something killed the supervisor alone.
      killGroup(pid)
      void groupGone(pid).then(() => resolve(code))
    })
  })
  return {
    pid,
    exited,
    stop: () => {
      tell(child, 'stop')
      return exited
    },
    kill: () => {
      killGroup(pid)
      return exited
    },
  }
}

function tell(child: ChildProcess, message: string): void {
  if (child.connected) child.send(message, () => {})
}

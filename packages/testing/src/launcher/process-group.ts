import { existsSync, readdirSync } from 'node:fs'
import { processStat } from './process-stat.ts'

const POLL_MS = 5
/** SIGKILL takes milliseconds; a process stuck in the kernel must not hang the launcher. */
const GONE_WITHIN_MS = 2_000

/** SIGKILL to every process of a group; nothing when it is gone already. */
export function killGroup(group: number): void {
  try {
    process.kill(-group, 'SIGKILL')
  } catch {
    // ESRCH: what was wanted is so already.
  }
}

/** Waits until the last process of a killed group has ended: its ports and files are free only then. */
export async function groupGone(group: number): Promise<void> {
  const deadline = performance.now() + GONE_WITHIN_MS
  while (performance.now() < deadline && isGroupAlive(group)) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

/** Whether a process of the group still runs. One that has ended and was not collected yet does not. */
export function isGroupAlive(group: number): boolean {
  try {
    process.kill(-group, 0)
  } catch {
    return false
  }
  // The signal also finds processes that have ended; only proc(5) tells them apart.
  return !existsSync('/proc/self/stat') || readdirSync('/proc').some((pid) => runsIn(pid, group))
}

const runsIn = (pid: string, group: number): boolean =>
  /^\d+$/.test(pid) && processStat(pid)?.group === group

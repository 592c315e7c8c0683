import { readFileSync, readlinkSync } from 'node:fs'
import { basename } from 'node:path'

/** How often the parents are looked at; a part of the five seconds in which everything must be gone. */
const POLL_MS = 400

const SHELLS = new Set(['sh', 'dash', 'bash', 'ash', 'busybox', 'zsh'])

/**
 * Calls `end` once when what started this process is gone. A parent that was killed with SIGKILL cannot say so, but
 * its children then belong to another process.
 *
 * Under npm the parents up to npm itself are watched: between it and this process stand one or two shells, and those
 * stay when npm is killed.
 *
 * @param {() => void} end
 * @returns {() => void} stops watching
 */
export function endWithParent(end) {
  const lineage = () => parents().join(' ')
  const first = lineage()
  const timer = setInterval(() => {
    if (lineage() === first) return
    clearInterval(timer)
    end()
  }, POLL_MS)
  timer.unref()
  return () => clearInterval(timer)
}

/** The parent's process id, and under npm those of its own parents up to the first that is no shell. */
function parents() {
  const found = [process.ppid]
  while (process.env.npm_lifecycle_event !== undefined) {
    const parent = parentOfShell(found[found.length - 1])
    if (parent === undefined) break
    found.push(parent)
  }
  return found
}

/**
 * The parent of a process that runs a shell (a script goes by its own name, so the program file is asked); nothing for
 * another program and where there is no proc(5).
 *
 * @param {number} pid
 * @returns {number | undefined}
 */
function parentOfShell(pid) {
  try {
    if (!SHELLS.has(basename(readlinkSync(`/proc/${pid}/exe`)))) return undefined
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The second field is a name in parentheses that may hold spaces.
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
  } catch {
    return undefined
  }
}

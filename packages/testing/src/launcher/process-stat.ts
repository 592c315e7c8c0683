import { readFileSync } from 'node:fs'

/** A living process as proc(5) shows it. */
export interface ProcessStat {
  parent: number
  group: number
  /** When it began, in the kernel's own count: tells a later process with the same number apart. */
  began: string
}

/**
 * Reads /proc/{pid}/stat.
 *
 * @returns `undefined` where there is no /proc, for a process that does not exist, and for one that has ended and was
 * not collected by its parent yet
 */
export function processStat(pid: number | string): ProcessStat | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The second field is a name in parentheses that may hold spaces; the third follows them.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const [state, parent, group] = fields
    if (state === 'Z' || state === 'X') return undefined
    return { parent: Number(parent), group: Number(group), began: fields[19] ?? '' }
  } catch {
    return undefined
  }
}

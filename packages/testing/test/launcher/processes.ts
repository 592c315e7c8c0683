import { readdirSync, readFileSync } from 'node:fs'
import { type ProcessStat, processStat } from '../../src/launcher/process-stat.ts'

export interface Process extends ProcessStat {
  pid: number
  command: string
  toString(): string
}

/** Every living process of this machine, from proc(5); those that only wait to be collected have ended. */
export function allProcesses(): Process[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const stat = processStat(name)
      if (stat === undefined) return []
      const command = commandOf(name)
      return [{ pid: Number(name), ...stat, command, toString: () => command }]
    })
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
  } catch {
    return ''
  }
}

/** The living processes of one process group. */
export const processesOf = (group: number): Process[] =>
  allProcesses().filter((process) => process.group === group)

/** A process and all that descend from it. */
export function descendants(pid: number): Process[] {
  const everyone = allProcesses()
  const family = everyone.filter((process) => process.pid === pid)
  for (const member of family) {
    family.push(...everyone.filter((process) => process.parent === member.pid))
  }
  return family
}

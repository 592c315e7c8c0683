import { readdirSync, readFileSync } from 'node:fs'

/** The most that any process of a group has had resident at one time, in bytes (proc(5), `VmHWM`). */
export function peakMemory(group: number | undefined): number {
  if (group === undefined) throw new Error('the process does not run')
  const peaks = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
        // The second field is a name in parentheses that may hold spaces; state, parent and group follow it.
        const [, , of] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
        if (Number(of) !== group) return []
        const [, kilobytes = '0'] =
          /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
        return [Number(kilobytes) * 1024]
      } catch {
        // It has ended meanwhile.
        return []
      }
    })
  return Math.max(...peaks)
}

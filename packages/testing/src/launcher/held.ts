import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { processStat } from './process-stat.ts'

/** Who holds a data folder. */
export interface Holder {
  pid: number
  /** See `ProcessStat`; empty where there is no proc(5). */
  began: string
}

const fileIn = (dataDir: string): string => join(dataDir, 'menagerie.pid')

/** This process as a holder. */
const holderNow = (): Holder => ({
  pid: process.pid,
  began: processStat(process.pid)?.began ?? '',
})

/** Takes a data folder for this process. @throws Error that names the process that holds it */
export function hold(dataDir: string): () => void {
  const holder = holderOf(dataDir)
  if (holder !== undefined && holder.pid !== process.pid) {
    throw new Error(`${dataDir} is used by a running system (process ${holder.pid})`)
  }
  writeFileSync(fileIn(dataDir), JSON.stringify(holderNow()))
  return () => rmSync(fileIn(dataDir), { force: true })
}

/** The living process that holds a data folder. A file left behind by a killed one holds nothing. */
export function holderOf(dataDir: string): Holder | undefined {
  const path = fileIn(dataDir)
  if (!existsSync(path)) return undefined
  let holder: Holder
  try {
    holder = JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return undefined
  }
  return isAlive(holder) ? holder : undefined
}

/** Without proc(5) the number alone must do. */
function isAlive({ pid, began }: Holder): boolean {
  if (existsSync('/proc/self/stat')) return processStat(pid)?.began === began
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

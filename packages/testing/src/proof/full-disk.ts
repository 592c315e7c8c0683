import { execFileSync, spawn } from 'node:child_process'
import { closeSync, fsyncSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { typeScriptFlags } from '../node-flags.ts'

const inside = fileURLToPath(new URL('./full-disk-inside.ts', import.meta.url))
/** Room for the databases of a fresh system, and not for much more. */
const DISK = 'size=96m'

/** Whether this machine lets us have a small disk of our own: a mount that only our process sees. */
export function canHaveSmallDisk(): boolean {
  try {
    execFileSync('unshare', ['-m', 'mount', '-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', '/mnt'], {
      stdio: 'ignore',
    })
    return true
  } catch {
    return false
  }
}

/** Runs `full-disk-inside.ts` where a mount is its own. @returns what it prints, one line of JSON */
export function runInside(messages: number): Promise<string> {
  const child = spawn(
    'unshare',
    ['-m', process.execPath, ...typeScriptFlags(), inside, String(messages)],
    { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] },
  )
  let output = ''
  child.stdout?.on('data', (chunk: Buffer) => {
    output += chunk.toString()
  })
  return new Promise((resolve, reject) => {
    child.once('close', (code) =>
      code === 0 ? resolve(output) : reject(new Error(`the run on a full disk ended with ${code}`)),
    )
  })
}

/** Puts a small disk where the edge keeps its state; gone with the process. */
export function mountSmallDisk(dataDir: string): string {
  const state = join(dataDir, 'state')
  mkdirSync(state, { recursive: true })
  execFileSync('mount', ['-t', 'tmpfs', '-o', DISK, 'tmpfs', state])
  return state
}

export const unmount = (folder: string): void => {
  execFileSync('umount', ['-l', folder])
}

/** Writes until nothing more goes in. @returns frees it */
export function fillDisk(folder: string): () => void {
  const path = join(folder, 'ballast')
  const file = openSync(path, 'w')
  for (let piece = 1024 * 1024; piece >= 1; piece = Math.floor(piece / 16)) {
    try {
      for (;;) writeSync(file, Buffer.alloc(piece))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
    }
  }
  fsyncSync(file)
  closeSync(file)
  return () => rmSync(path)
}

import { existsSync, statSync } from 'node:fs'
import { open } from 'node:fs/promises'

/** What wrangler writes when its workerd ended. It then starts another, behind which requests hang. */
const CRASHED = 'The Workers runtime crashed unexpectedly'
const POLL_MS = 250

/**
 * Calls `crashed` once when a log file, from its present end on, tells that workerd ended.
 *
 * @returns stops watching
 */
export function watchForCrash(logFile: string, crashed: () => void): () => void {
  let position = existsSync(logFile) ? statSync(logFile).size : 0
  const tellsOfCrash = crashScanner()
  let busy = false
  const look = async () => {
    if (busy) return
    busy = true
    try {
      const text = await readFrom(logFile, position)
      position += text.length
      if (tellsOfCrash(text)) {
        stop()
        crashed()
      }
    } finally {
      busy = false
    }
  }
  // The log can only vanish with its whole folder; then there is nothing left to watch.
  const timer = setInterval(() => void look().catch(stop), POLL_MS)
  timer.unref()
  const stop = () => clearInterval(timer)
  return stop
}

/** Reads a log piece by piece and says whether the sentence has come; it may be cut in two by the end of a piece. */
export function crashScanner(): (piece: string) => boolean {
  let carry = ''
  return (piece) => {
    const text = carry + piece
    carry = text.slice(-CRASHED.length)
    return text.includes(CRASHED)
  }
}

async function readFrom(path: string, position: number): Promise<string> {
  if (!existsSync(path) || statSync(path).size <= position) return ''
  const file = await open(path)
  try {
    const size = (await file.stat()).size - position
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size), 0, size, position)
    // Latin 1 keeps one character per byte: a character cut in two cannot shift the position.
    return buffer.subarray(0, bytesRead).toString('latin1')
  } finally {
    await file.close()
  }
}

import { waitFor } from '../wait-for.ts'
import type { Supervised } from './supervised.ts'

export interface Readiness {
  url: string
  process: Supervised
  timeoutMs: number
  /** Read only when it fails, to say why. */
  logs: () => string
}

/**
 * Waits until `GET /health/ready` answers 200.
 *
 * @throws Error with the end of the log when the process ends first or time runs out
 */
export async function whenReady({ url, process, timeoutMs, logs }: Readiness): Promise<void> {
  const ready = waitFor(async () => (await ask(`${url}/health/ready`)).status === 200, {
    what: `${url}/health/ready to answer 200`,
    timeoutMs,
  })
  const ended = process.exited.then(() => {
    throw new Error('wrangler ended before the system was ready')
  })
  // Whichever loses the race must not count as unhandled.
  ended.catch(() => {})
  ready.catch(() => {})
  try {
    await Promise.race([ready, ended])
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new Error(`the system did not start: ${why}\n${tail(logs(), 30)}`)
  }
}

/** The last lines of a text. */
export const tail = (text: string, lines: number): string =>
  text.trimEnd().split('\n').slice(-lines).join('\n')

/** Wrangler takes connections before workerd runs, and one of those may never be answered. */
const ask = (url: string): Promise<Response> => fetch(url, { signal: AbortSignal.timeout(2_000) })

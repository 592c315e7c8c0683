/**
 * How long to wait before the next attempt: exponential with full jitter, so that many who failed together do not come
 * back together.
 *
 * @param attempt 0 for the first wait
 * @param random from 0 up to 1
 * @returns milliseconds, at least a tenth of the bound
 */
export function backoffMs(attempt: number, mostMs: number, random: number, leastMs = 50): number {
  const bound = Math.min(mostMs, leastMs * 2 ** Math.min(attempt, 20))
  return Math.round(bound * (0.1 + 0.9 * random))
}

/** Waits, or returns earlier when the signal is aborted. Never rejects. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done)
  })
}

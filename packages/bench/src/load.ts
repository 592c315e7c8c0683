import autocannon from 'autocannon'

export interface Load {
  url: string
  headers?: Record<string, string>
  seconds: number
  connections: number
}

/**
 * Asks one address as fast as it answers.
 *
 * @returns answers a second
 * @throws Error when anything but a 2xx came back: a fast refusal is no speed
 */
export async function rate(load: Load): Promise<number> {
  const result = await autocannon({
    url: load.url,
    headers: load.headers ?? {},
    duration: load.seconds,
    connections: load.connections,
    // Beside this thread, which reads what the Workers write.
    workers: 1,
  })
  if (result.non2xx > 0 || result.errors > 0) {
    throw new Error(`${load.url}: ${result.non2xx} answers were not 2xx, ${result.errors} failed`)
  }
  return result['2xx'] / result.duration
}

/** The middle one: a busy moment of the machine moves it least. */
export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

/** The value that `share` of all are not above. @param share 0.95 for the 95th percentile */
export const quantile = (values: readonly number[], share: number): number => {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

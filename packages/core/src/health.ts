import type { Health } from '@menagerie/contracts'

/**
 * Asks one dependency; resolves with what is worth showing, and rejects when it is down. One that can tell more of being
 * down resolves with `status: 'down'`.
 */
export type HealthCheck = () => Promise<Record<string, unknown> | undefined>

const LIMIT_MS = 3_000

/**
 * Every dependency's state and latency in the Terminus shape. A check that takes longer than three seconds is down.
 *
 * @param now milliseconds, for latencies
 */
export async function checkHealth(
  checks: Readonly<Record<string, HealthCheck>>,
  version: string,
  now: () => number,
): Promise<Health> {
  const results = await Promise.all(
    Object.entries(checks).map(async ([name, check]) => {
      const startedAt = now()
      try {
        const shown = await limited(check())
        const status = shown?.status === 'down' ? ('down' as const) : ('up' as const)
        return [name, { ...shown, status, latencyMs: now() - startedAt }] as const
      } catch {
        return [name, { status: 'down' as const, latencyMs: now() - startedAt }] as const
      }
    }),
  )
  const details = Object.fromEntries(results)
  const only = (status: 'up' | 'down') =>
    Object.fromEntries(results.filter(([, result]) => result.status === status))
  const error = only('down')
  return {
    status: Object.keys(error).length === 0 ? 'ok' : 'error',
    info: only('up'),
    error,
    details,
    version,
  }
}

async function limited<T>(work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('timed out')), LIMIT_MS)
  })
  try {
    return await Promise.race([work, limit])
  } finally {
    clearTimeout(timer)
  }
}

/** A D1 database answers a query. */
export const d1Check =
  (db: D1Database): HealthCheck =>
  async () => {
    await db.prepare('SELECT 1').first()
    return undefined
  }

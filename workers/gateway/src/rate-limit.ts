import type { RoutePolicy } from '@menagerie/contracts/routes'
import type { Env } from './context.ts'

type RateLimitClass = Exclude<RoutePolicy['rateLimit'], 'none'>

/**
 * How many requests of one caller the binding counts as one. Sign-ins are counted one by one; for the rest an isolate
 * asks at every hundredth, since asking costs more than the request. It is off by less than a hundred for each isolate,
 * of the thousands that a minute allows.
 */
const requestsPerUnit: Record<RateLimitClass, number> = { auth: 1, api: 100, webhook: 100 }
/** How long a refusal is remembered: the shortest period the binding has. */
const REFUSED_MS = 10_000
const CACHE_LIMIT = 10_000

interface Count {
  /** Requests since the binding was last asked. */
  since: number
  /** Refused without asking until then, milliseconds. */
  refusedUntil: number
}

const counts = new Map<string, Count>()

/**
 * Counts a request. The first shield only: the platform's counters are kept for each location and agree eventually.
 * Exact counts belong to the objects that own what is counted.
 *
 * @param key who is counted: an account's id, or an address and a route
 * @param now milliseconds
 * @returns whether the request may go on
 */
export async function withinLimit(
  env: Env,
  limit: RateLimitClass,
  key: string,
  now: number,
): Promise<boolean> {
  const name = `${limit} ${key}`
  const count = counts.get(name) ?? { since: 0, refusedUntil: 0 }
  if (counts.size >= CACHE_LIMIT && !counts.has(name)) counts.clear()
  counts.set(name, count)
  if (count.refusedUntil > now) return false
  count.since += 1
  if (count.since < requestsPerUnit[limit]) return true
  count.since = 0
  const { success } = await bindingOf(env, limit).limit({ key })
  if (!success) count.refusedUntil = now + REFUSED_MS
  return success
}

function bindingOf(env: Env, limit: RateLimitClass): RateLimit {
  switch (limit) {
    case 'auth':
      return env.RATE_LIMIT_AUTH
    case 'api':
      return env.RATE_LIMIT_API
    case 'webhook':
      return env.RATE_LIMIT_WEBHOOK
  }
}

import type { JSONWebKeySet } from 'jose'
import type { KeySource } from './verifier.ts'

/** How long a set is used without asking again. */
const FRESH_MS = 10 * 60_000
/** How often an unknown `kid` may make us ask past the cache. */
const RETRY_MS = 10_000

/**
 * The accounts service's JWK set over its binding, cached ten minutes. A key that is published well before it signs is
 * known everywhere by then; an unknown `kid` asks again, at most every ten seconds, so that forged tokens cost nothing.
 */
export function remoteKeys(accounts: Fetcher, issuer: string, now: () => number): KeySource {
  let cached: { at: number; set: JSONWebKeySet } | undefined
  return {
    async keys(fresh) {
      const age = cached ? now() - cached.at : Number.POSITIVE_INFINITY
      if (cached && age < (fresh ? RETRY_MS : FRESH_MS)) return cached.set
      const response = await accounts.fetch(`${issuer}/protocol/openid-connect/certs`)
      if (!response.ok) {
        await response.body?.cancel()
        if (cached) return cached.set
        throw new Error(`accounts answered ${response.status} when asked for its keys`)
      }
      cached = { at: now(), set: await response.json<JSONWebKeySet>() }
      return cached.set
    },
  }
}

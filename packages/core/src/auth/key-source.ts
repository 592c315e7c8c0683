import type { JSONWebKeySet } from 'jose'
import type { KeySource } from './verifier.ts'

/** How long a set is used without asking again. */
const FRESH_MS = 10 * 60_000
/** How often an unknown `kid` may make us ask past the cache. */
const RETRY_MS = 10_000

/**
 * The accounts service's JWK set over its binding, cached ten minutes. A key that is published well before it signs is
 * known everywhere by then; an unknown `kid` asks again, at most every ten seconds, so that forged tokens cost nothing.
 * While accounts does not answer, the keys known go on to serve; whether an unknown `kid` is ours cannot be told then.
 */
export function remoteKeys(accounts: Fetcher, issuer: string, now: () => number): KeySource {
  let cached: { at: number; set: JSONWebKeySet } | undefined
  let failed: { at: number; error: unknown } | undefined

  async function ask(): Promise<JSONWebKeySet> {
    const response = await accounts.fetch(`${issuer}/protocol/openid-connect/certs`)
    if (response.ok) return response.json<JSONWebKeySet>()
    await response.body?.cancel()
    throw new Error(`accounts answered ${response.status} when asked for its keys`)
  }

  return {
    async keys(fresh) {
      const age = cached ? now() - cached.at : Number.POSITIVE_INFINITY
      if (cached && age < (fresh ? RETRY_MS : FRESH_MS)) return cached.set
      if (!cached || !failed || now() - failed.at >= RETRY_MS) {
        try {
          cached = { at: now(), set: await ask() }
          failed = undefined
          return cached.set
        } catch (error) {
          failed = { at: now(), error }
        }
      }
      if (cached && !fresh) return cached.set
      throw failed.error
    },
  }
}

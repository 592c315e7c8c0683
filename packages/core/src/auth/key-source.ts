import type { JSONWebKeySet } from 'jose'

/** What a receiver needs to judge a token. */
export interface VerificationSet extends JSONWebKeySet {
  /** OAuth clients that were registered; left out by who knows of none. */
  clients?: readonly string[]
}

/** Where it comes from: the accounts service over its binding, or its own store. */
export interface KeySource {
  /**
   * The set as it is cached; `fresh` asks past the cache for a `kid` that is not in it, `signed` for a client that is not,
   * named by a token that we have signed.
   */
  keys(fresh: boolean | 'signed'): Promise<VerificationSet>
}

/** How long a set is used without asking again. */
const FRESH_MS = 10 * 60_000
/** How often an unknown `kid` may make us ask past the cache, and how often a client in a token of ours. */
const RETRY_MS = 10_000
const SIGNED_RETRY_MS = 1_000

/**
 * The accounts service's keys and clients over its binding, cached ten minutes. A key that is published well before it
 * signs is known everywhere by then; an unknown `kid` asks again, at most every ten seconds, so that forged tokens
 * cost nothing; an unknown client in a token of ours, at most every second, so that a new client works at once. While accounts does not answer, what is known goes on to serve; whether an unknown `kid` is ours
 * cannot be told then.
 */
export function remoteKeys(accounts: Fetcher, now: () => number): KeySource {
  let cached: { at: number; set: VerificationSet } | undefined
  let failed: { at: number; error: unknown } | undefined

  async function ask(): Promise<VerificationSet> {
    // A path that the gateway never passes on.
    const response = await accounts.fetch('http://accounts/internal/verification')
    if (response.ok) return response.json<VerificationSet>()
    await response.body?.cancel()
    throw new Error(`accounts answered ${response.status} when asked for its keys`)
  }

  return {
    async keys(fresh) {
      const age = cached ? now() - cached.at : Number.POSITIVE_INFINITY
      const enough = fresh === 'signed' ? SIGNED_RETRY_MS : fresh ? RETRY_MS : FRESH_MS
      if (cached && age < enough) return cached.set
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

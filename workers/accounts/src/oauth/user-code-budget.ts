import { errors } from 'oidc-provider'
import type { Env } from '../context.ts'
import { networkOf } from '../guard/network-of.ts'
import { currentContext } from './request-notes.ts'

/**
 * User codes that may be tried from one address: each device takes two or three. There are 20⁸ codes and each is good for
 * ten minutes, so guessing at a thousand of them takes an address years (RFC 8628 §5.1).
 */
const budgets = [
  { max: 30, perMs: 60_000 },
  { max: 300, perMs: 3_600_000 },
] as const

/** A page tells it by its name. */
class TooManyCodesError extends errors.OIDCProviderError {
  constructor() {
    super(429, 'slow_down')
    this.expose = true
    this.error_description = 'too many codes were tried'
  }
}

/** Counts a user code before it is looked for. @throws OIDCProviderError `slow_down`, 429 */
export async function countUserCode(env: Env): Promise<void> {
  const context = currentContext()
  const network = networkOf(context.get('cf-connecting-ip') || 'unknown')
  const waitMs = await env.LOGIN_GUARD.getByName(`user-code:${network}`).spend(budgets)
  if (waitMs === 0) return
  context.set('retry-after', String(Math.ceil(waitMs / 1000)))
  throw new TooManyCodesError()
}

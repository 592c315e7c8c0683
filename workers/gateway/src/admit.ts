import {
  AppError,
  authenticate,
  bearerToken,
  clockOf,
  type Principal,
  requirePermission,
  secretsEqual,
  verifierFor,
} from '@menagerie/core'
import type { Context } from 'hono'
import { addressOf } from './address.ts'
import type { App, Env } from './context.ts'
import { withinLimit } from './rate-limit.ts'
import type { RouteEntry } from './route-table.ts'
import { requireStepUp, sessionOf } from './sessions.ts'

/** Service tokens are refused here: the gateway is nobody's receiver. */
const verifier = verifierFor(undefined)

/**
 * Lets a request pass, or says why not: its token, the rate limit of the account or else of the address, the session,
 * the permission, the second factor. Tickets, signatures and the broker's secret are checked by who issued the one and knows the others.
 */
export async function admit(c: Context<App>, entry: RouteEntry): Promise<void> {
  let principal: Principal | undefined
  try {
    principal = await identify(c, entry)
  } finally {
    // Also for a token that is no good, by its address: else guessing would be free.
    await limit(c, entry, principal)
  }
  if (!principal) return
  c.set('principal', principal)
  c.get('line').add({ user: principal.id })
  const now = clockOf(c.env).now()
  const session = await sessionOf(c.env, principal, now, entry.critical || entry.stepUp)
  if (session?.alive === false) {
    throw new AppError('unauthorized', 'The session has ended; sign in again')
  }
  requirePermission(principal, entry.permission)
  if (entry.stepUp) requireStepUp(principal, session, now)
}

async function identify(c: Context<App>, entry: RouteEntry): Promise<Principal | undefined> {
  const header = c.req.header('authorization')
  switch (entry.access) {
    case 'bearer':
      return authenticate(verifier(c.env), header)
    case 'socket':
      refuseTokensInQuery(c)
      return header ? authenticate(verifier(c.env), header) : undefined
    case 'scrape':
      await requireScrapeToken(c.env, header)
      return undefined
    case 'public':
    case 'signature':
    case 'broker':
      return undefined
  }
}

/** Addresses end in logs; a secret in one is no secret. */
function refuseTokensInQuery(c: Context<App>): void {
  const secret = ['ticket', 'token', 'access_token'].find((name) => c.req.query(name) !== undefined)
  if (secret === undefined) return
  throw new AppError(
    'invalid_request',
    `Send the ticket as a subprotocol or a token as a header, not in ?${secret}=`,
  )
}

async function requireScrapeToken(env: Env, header: string | undefined): Promise<void> {
  if (await secretsEqual(bearerToken(header) ?? '', env.SCRAPE_TOKEN)) return
  throw new AppError('unauthorized', 'Send the scrape token: Authorization: Bearer <SCRAPE_TOKEN>')
}

async function limit(
  c: Context<App>,
  entry: RouteEntry,
  principal: Principal | undefined,
): Promise<void> {
  if (entry.rateLimit === 'none') return
  const address = addressOf(c)
  const keys = {
    auth: `${address} ${entry.pattern}`,
    api: principal?.id ?? address,
    webhook: address,
  }
  const now = clockOf(c.env).now()
  if (await withinLimit(c.env, entry.rateLimit, keys[entry.rateLimit], now)) return
  throw new AppError('too_many_requests', 'Too many requests; wait a little', {
    retryAfterSeconds: 60,
  })
}

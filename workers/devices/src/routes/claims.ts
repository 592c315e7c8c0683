import type { OpenAPIHono } from '@hono/zod-openapi'
import { devices as routes } from '@menagerie/contracts/routes'
import {
  AppError,
  clockOf,
  data,
  guardRoutes,
  principalOf,
  readIdempotencyKey,
  sha256Hex,
  toTimestamp,
  verifierFor,
} from '@menagerie/core'
import { newClaimCode, readClaimCode } from '../claim-code.ts'
import type { App } from '../context.ts'
import {
  CODE_KEPT_MS,
  claimPause,
  countFailure,
  deviceOfCode,
  keepClaimCode,
} from '../db/claims.ts'
import { contextOf, orThrow, twinOf } from '../twins.ts'

const guarded = guardRoutes(verifierFor('devices'))
/** Stands for the device of a code that leads to none, so that both take as long: no device can have this id. */
const NOBODY = 'bridge'

/** Handing a device over to another account. */
export function claimRoutes(app: OpenAPIHono<App>): void {
  app.openapi(guarded(routes.claimCode), async (c) => {
    const principal = principalOf(c)
    const { id } = c.req.valid('param')
    const twin = twinOf(c.env, id)
    orThrow(await twin.mayWrite(principal))
    const code = newClaimCode()
    const hash = await sha256Hex(readClaimCode(code))
    const expiresAt = clockOf(c.env).now() + CODE_KEPT_MS
    // The way to the device first: the twin alone decides which code holds, so that a crash between leaves one that
    // nobody saw and that leads nowhere.
    await keepClaimCode(c.env.DB, hash, id, expiresAt)
    orThrow(await twin.offerClaim(principal, { hash, expiresAt }, contextOf(c)))
    c.header('Cache-Control', 'no-store')
    return c.json(data(c, { code, expiresAt: toTimestamp(expiresAt) }), 201)
  })

  app.openapi(guarded(routes.claim), async (c) => {
    const principal = principalOf(c)
    const { DB: db } = c.env
    const now = clockOf(c.env).now()
    const retryAfterSeconds = await claimPause(db, principal.id, now)
    if (retryAfterSeconds !== undefined)
      throw new AppError('too_many_requests', 'Too many codes that lead nowhere', {
        retryAfterSeconds,
      })
    const hash = await sha256Hex(readClaimCode(c.req.valid('json').code))
    const deviceId = await deviceOfCode(db, hash, now)
    const key = readIdempotencyKey(c.req.header('idempotency-key')) ?? null
    const twin = twinOf(c.env, deviceId ?? NOBODY)
    const claimed = await twin.claim(principal, { key, hash }, contextOf(c))
    if (!claimed.ok && claimed.error.code === 'not_found') {
      await countFailure(db, principal.id, now)
      throw new AppError('not_found', 'The code leads to no device, or was used')
    }
    const { device, replayed } = orThrow(claimed)
    if (replayed) c.header('Idempotent-Replayed', 'true')
    return c.json(data(c, device), 200)
  })
}

import type { OpenAPIHono } from '@hono/zod-openapi'
import { devices as routes } from '@menagerie/contracts/routes'
import {
  AppError,
  data,
  guardRoutes,
  idFromKey,
  principalOf,
  readIdempotencyKey,
  verifierFor,
} from '@menagerie/core'
import type { Context } from 'hono'
import type { App } from '../context.ts'
import { issueCredentials, listCredentials, revokeCredentials } from '../credentials.ts'
import { inTurn } from '../in-turn.ts'
import { contextOf, orThrow, twinOf } from '../twins.ts'

const guarded = guardRoutes(verifierFor('devices'))

/**
 * Tells a device's twin that its connections have ended: the broker sends no last will of those it cuts. Access comes
 * before presence: a twin that cannot take it now keeps no credentials from ending.
 */
const tellTwin = async (c: Context<App>, deviceId: string): Promise<void> => {
  const told = twinOf(c.env, deviceId).cutOff(principalOf(c), contextOf(c))
  await told.catch(() => undefined)
}

/** `/devices/{id}/credentials`: the owner, or `devices:write`; the list needs no more than to see the device. */
export function credentialRoutes(app: OpenAPIHono<App>): void {
  app.openapi(guarded(routes.credentials), async (c) => {
    const principal = principalOf(c)
    const { id: deviceId } = c.req.valid('param')
    const check = async () => void orThrow(await twinOf(c.env, deviceId).mayWrite(principal))
    const cutOff = () => tellTwin(c, deviceId)
    await check()
    const key = readIdempotencyKey(c.req.header('idempotency-key'))
    const keyId =
      key === undefined
        ? undefined
        : await idFromKey(principal.id, `POST ${routes.credentials.path}`, key)
    const { overlapSeconds = 0 } = c.req.valid('json') ?? {}
    c.header('Cache-Control', 'no-store')
    const wanted = { deviceId, overlapSeconds, keyId, check, cutOff }
    return c.json(data(c, await issueCredentials(c.env, wanted)), 201)
  })

  app.openapi(guarded(routes.listCredentials), async (c) => {
    const { id } = c.req.valid('param')
    orThrow(await twinOf(c.env, id).get(principalOf(c)))
    return c.json(data(c, await listCredentials(c.env, id)), 200)
  })

  app.openapi(guarded(routes.revokeCredentials), async (c) => {
    const { id } = c.req.valid('param')
    orThrow(await twinOf(c.env, id).mayWrite(principalOf(c)))
    const ended = await inTurn(c.env, id, () => revokeCredentials(c.env, id))
    // Also while no bridge is there: what the device says before the broker cuts it off comes later, if at all.
    await tellTwin(c, id)
    if (ended === 'done') return c.body(null, 204)
    throw new AppError(
      'unavailable',
      'No bridge is there to tell the broker: its credentials end as soon as one is',
      { retryAfterSeconds: 5 },
    )
  })
}

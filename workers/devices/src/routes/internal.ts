import type { OpenAPIHono } from '@hono/zod-openapi'
import { AppError, authenticate, data, verifierFor } from '@menagerie/core'
import type { App } from '../context.ts'
import { countOnline } from '../db/devices.ts'

const verifier = verifierFor('devices')

/** What other Workers of ours ask, with a service token; the gateway never passes these paths on. */
export function internalRoutes(app: OpenAPIHono<App>): void {
  /** Series of contract §8 whose value is asked, not counted. */
  app.get('/internal/gauges', async (c) => {
    const principal = await authenticate(verifier(c.env), c.req.header('authorization'))
    if (principal.kind !== 'service') throw new AppError('not_found', 'There is nothing here')
    const online = await countOnline(c.env.DB)
    return c.json(data(c, [{ name: 'devices_online', labels: {}, value: online }]))
  })
}

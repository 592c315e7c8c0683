import type { OpenAPIHono } from '@hono/zod-openapi'
import { devices as routes } from '@menagerie/contracts/routes'
import {
  data,
  guardRoutes,
  idFromKey,
  principalOf,
  readIdempotencyKey,
  verifierFor,
} from '@menagerie/core'
import type { App } from '../context.ts'
import { issueCredentials } from '../credentials.ts'
import { orThrow, twinOf } from '../twins.ts'

const guarded = guardRoutes(verifierFor('devices'))

/** `POST /devices/{id}/credentials`: the owner, or `devices:write`. */
export function credentialRoutes(app: OpenAPIHono<App>): void {
  app.openapi(guarded(routes.credentials), async (c) => {
    const principal = principalOf(c)
    const { id } = c.req.valid('param')
    orThrow(await twinOf(c.env, id).mayWrite(principal))
    const key = readIdempotencyKey(c.req.header('idempotency-key'))
    const keyId =
      key === undefined
        ? undefined
        : await idFromKey(principal.id, `POST ${routes.credentials.path}`, key)
    c.header('Cache-Control', 'no-store')
    return c.json(data(c, await issueCredentials(c.env, id, keyId)), 201)
  })
}

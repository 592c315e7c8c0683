import type { OpenAPIHono } from '@hono/zod-openapi'
import { devices as routes } from '@menagerie/contracts/routes'
import {
  data,
  guardRoutes,
  openSocket,
  principalOf,
  socketAddress,
  verifierFor,
} from '@menagerie/core'
import { type App, settingsOf } from '../context.ts'
import { orThrow, twinOf } from '../twins.ts'

const guarded = guardRoutes(verifierFor('devices'))

/** The socket of a device, and the tickets to it. */
export function socketRoutes(app: OpenAPIHono<App>): void {
  app.openapi(guarded(routes.ticket), async (c) => {
    const { id } = c.req.valid('param')
    const ticket = orThrow(await twinOf(c.env, id).issueTicket(principalOf(c)))
    const url = socketAddress(settingsOf(c.env).PUBLIC_URL, `/devices/${id}/ws`)
    return c.json(data(c, { url, ...ticket }), 201)
  })

  app.openapi(guarded(routes.socket), async (c) => {
    const twin = twinOf(c.env, c.req.valid('param').id)
    return (await openSocket(
      c,
      twin,
      async (principal) => orThrow(await twin.issueTicket(principal)).ticket,
    )) as never
  })
}

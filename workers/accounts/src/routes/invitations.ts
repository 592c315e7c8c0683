import type { OpenAPIHono } from '@hono/zod-openapi'
import { users as routes } from '@menagerie/contracts/routes'
import {
  data,
  guardRoutes,
  principalOf,
  readIdempotencyKey,
  signedList,
  toTraceparent,
} from '@menagerie/core'
import { type App, settingsOf } from '../context.ts'
import { verifier } from '../deployment.ts'
import { addressOf } from '../guard/login-guard.ts'
import {
  type InvitationPosition,
  invite,
  listInvitations,
  revokeInvitation,
} from '../users/invitations.ts'

const guarded = guardRoutes(verifier)

/** Adds invitations. */
export function invitationRoutes(app: OpenAPIHono<App>): void {
  app.openapi(guarded(routes.invite), async (c) => {
    const invited = await invite(c.env, {
      by: principalOf(c),
      body: c.req.valid('json'),
      idempotencyKey: readIdempotencyKey(c.req.header('idempotency-key')),
      answer: (invitation) => data(c, invitation),
      address: addressOf(c),
      traceparent: toTraceparent(c.get('trace')),
    })
    if (invited.replayed) c.header('Idempotent-Replayed', 'true')
    return c.json(JSON.parse(invited.response), 201)
  })
  app.openapi(guarded(routes.invitations), async (c) => {
    const { limit, cursor } = c.req.valid('query')
    const list = signedList<InvitationPosition>(c, settingsOf(c.env).CURSOR_KEY, '/invitations')
    const found = await listInvitations(c.env, limit, await list.after(cursor))
    return c.json(await list.page(found), 200)
  })
  app.openapi(guarded(routes.revokeInvitation), async (c) => {
    const { id } = c.req.valid('param')
    await revokeInvitation(c.env, principalOf(c), id, toTraceparent(c.get('trace')))
    return c.body(null, 204)
  })
}

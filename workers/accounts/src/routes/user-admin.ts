import type { OpenAPIHono } from '@hono/zod-openapi'
import { users as routes } from '@menagerie/contracts/routes'
import { data, guardRoutes, principalOf, toTraceparent } from '@menagerie/core'
import type { App } from '../context.ts'
import { findUser } from '../db/users.ts'
import { verifier } from '../deployment.ts'
import { noSuchUser } from '../users/act-on-user.ts'
import { disableUser, enableUser, unlockUser } from '../users/change-status.ts'
import { deleteUser } from '../users/delete-user.ts'
import { updateUser } from '../users/update-user.ts'
import { userDetail } from '../users/user-detail.ts'

const guarded = guardRoutes(verifier)

/** Adds what is done with an account by its id. */
export function userAdminRoutes(app: OpenAPIHono<App>): void {
  app.openapi(guarded(routes.get), async (c) => {
    const user = await findUser(c.env.DB, c.req.valid('param').id)
    if (user === undefined) throw noSuchUser()
    return c.json(data(c, await userDetail(c.env, user)), 200)
  })
  app.openapi(guarded(routes.update), async (c) => {
    const { id } = c.req.valid('param')
    const traceparent = toTraceparent(c.get('trace'))
    const user = await updateUser(c.env, principalOf(c), id, c.req.valid('json'), traceparent)
    return c.json(data(c, await userDetail(c.env, user)), 200)
  })
  app.openapi(guarded(routes.remove), async (c) => {
    const { id } = c.req.valid('param')
    await deleteUser(c.env, principalOf(c), id, toTraceparent(c.get('trace')))
    return c.body(null, 204)
  })
  app.openapi(guarded(routes.disable), async (c) => {
    const { id } = c.req.valid('param')
    const user = await disableUser(c.env, principalOf(c), id, toTraceparent(c.get('trace')))
    return c.json(data(c, await userDetail(c.env, user)), 200)
  })
  app.openapi(guarded(routes.enable), async (c) => {
    const { id } = c.req.valid('param')
    const user = await enableUser(c.env, principalOf(c), id, toTraceparent(c.get('trace')))
    return c.json(data(c, await userDetail(c.env, user)), 200)
  })
  app.openapi(guarded(routes.unlock), async (c) => {
    const { id } = c.req.valid('param')
    const user = await unlockUser(c.env, principalOf(c), id, toTraceparent(c.get('trace')))
    return c.json(data(c, await userDetail(c.env, user)), 200)
  })
}

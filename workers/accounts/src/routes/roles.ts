import type { OpenAPIHono } from '@hono/zod-openapi'
import { permissions } from '@menagerie/contracts'
import { roles as routes } from '@menagerie/contracts/routes'
import { data, guardRoutes, principalOf, toTraceparent } from '@menagerie/core'
import type { App } from '../context.ts'
import { verifier } from '../deployment.ts'
import { assignRoles } from '../roles/assign-roles.ts'
import { createRole, deleteRole, listRoles, updateRole } from '../roles/change-roles.ts'
import { doSessionWork } from '../users/session-work.ts'
import { userDetail } from '../users/user-detail.ts'

const guarded = guardRoutes(verifier)

/** Adds roles, permissions, and who has which. */
export function roleRoutes(app: OpenAPIHono<App>): void {
  app.openapi(guarded(routes.list), async (c) => c.json(data(c, await listRoles(c.env)), 200))
  app.openapi(guarded(routes.permissions), (c) => c.json(data(c, [...permissions]), 200))

  app.openapi(guarded(routes.create), async (c) => {
    const traceparent = toTraceparent(c.get('trace'))
    const role = await createRole(c.env, principalOf(c), c.req.valid('json'), traceparent)
    return c.json(data(c, role), 201)
  })
  app.openapi(guarded(routes.update), async (c) => {
    const { name } = c.req.valid('param')
    const traceparent = toTraceparent(c.get('trace'))
    const body = c.req.valid('json')
    const { role, workId } = await updateRole(c.env, principalOf(c), name, body, traceparent)
    if (workId !== undefined) c.executionCtx.waitUntil(doSessionWork(c.env, workId))
    return c.json(data(c, role), 200)
  })
  app.openapi(guarded(routes.remove), async (c) => {
    const { name } = c.req.valid('param')
    await deleteRole(c.env, principalOf(c), name, toTraceparent(c.get('trace')))
    return c.body(null, 204)
  })
  app.openapi(guarded(routes.assign), async (c) => {
    const { roles } = c.req.valid('json')
    const traceparent = toTraceparent(c.get('trace'))
    const id = c.req.valid('param').id
    const user = await assignRoles(c.env, principalOf(c), id, roles, traceparent)
    return c.json(data(c, await userDetail(c.env, user)), 200)
  })
}

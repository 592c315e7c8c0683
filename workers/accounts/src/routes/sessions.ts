import type { OpenAPIHono } from '@hono/zod-openapi'
import type { SessionInfo } from '@menagerie/contracts'
import { sessions as routes } from '@menagerie/contracts/routes'
import {
  data,
  guardRoutes,
  type Principal,
  principalOf,
  toTimestamp,
  toTraceparent,
} from '@menagerie/core'
import type { SessionView } from '@menagerie/durable-objects/user-sessions'
import type { Context } from 'hono'
import type { App } from '../context.ts'
import { verifier } from '../deployment.ts'
import { endSessions } from '../sessions/end-sessions.ts'
import { requireOwnSession } from '../sessions/own-session.ts'
import { sessionError } from '../sign-in/session-error.ts'

const guarded = guardRoutes(verifier)

/** Adds where the bearer is signed in: list, name, end. */
export function sessionRoutes(app: OpenAPIHono<App>): void {
  app.openapi(guarded(routes.list), async (c) => {
    const principal = await ownerOf(c)
    const views = await c.env.USER_SESSIONS.getByName(principal.id).list()
    return c.json(
      data(
        c,
        views.map((view) => infoOf(view, principal)),
      ),
      200,
    )
  })

  app.openapi(guarded(routes.rename), async (c) => {
    const principal = await ownerOf(c)
    const renamed = await c.env.USER_SESSIONS.getByName(principal.id).rename(
      principal,
      c.req.valid('param').sid,
      c.req.valid('json').name,
      toTraceparent(c.get('trace')),
    )
    if (!renamed.ok) throw sessionError(renamed.error)
    return c.json(data(c, infoOf(renamed.value, principal)), 200)
  })

  app.openapi(guarded(routes.end), async (c) => {
    const principal = await ownerOf(c)
    const ended = await c.env.USER_SESSIONS.getByName(principal.id).revoke(
      principal,
      c.req.valid('param').sid,
      'revoked',
      toTraceparent(c.get('trace')),
    )
    if (!ended.ok) throw sessionError(ended.error)
    if (ended.value === 0) throw sessionError({ code: 'not_found' })
    return c.body(null, 204)
  })

  app.openapi(guarded(routes.endAll), async (c) => {
    const principal = await ownerOf(c)
    const except = c.req.valid('query').except === 'current' ? principal.sessionId : undefined
    await endSessions(
      c.env,
      principal.id,
      { reason: 'revoked', by: principal, ...(except === undefined ? {} : { except }) },
      toTraceparent(c.get('trace')),
    )
    return c.body(null, 204)
  })
}

/** The bearer, at a client of our own. @throws AppError `forbidden` */
async function ownerOf(c: Context<App>): Promise<Principal> {
  const principal = principalOf(c)
  await requireOwnSession(c.env, principal)
  return principal
}

const infoOf = (view: SessionView, principal: Principal): SessionInfo => ({
  id: view.sid,
  clientId: view.clientId,
  name: view.name,
  acr: view.acr,
  methods: view.methods,
  createdAt: toTimestamp(view.createdAt),
  refreshedAt: toTimestamp(view.refreshedAt),
  expiresAt: toTimestamp(view.expiresAt),
  current: view.sid === principal.sessionId,
})

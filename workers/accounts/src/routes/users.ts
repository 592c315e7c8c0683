import type { OpenAPIHono } from '@hono/zod-openapi'
import { users as routes } from '@menagerie/contracts/routes'
import {
  AppError,
  data,
  guardRoutes,
  principalOf,
  readIdempotencyKey,
  signedList,
  toTraceparent,
} from '@menagerie/core'
import { type App, settingsOf } from '../context.ts'
import { listUsers } from '../db/list-users.ts'
import { findUserWithFactors, toUser } from '../db/users.ts'
import { verifier } from '../deployment.ts'
import { addressOf } from '../guard/login-guard.ts'
import { readPreferences, writePreferences } from '../users/preferences.ts'
import { register } from '../users/register.ts'
import { updateProfile } from '../users/update-user.ts'
import { profileOf } from '../users/user-detail.ts'
import { invitationRoutes } from './invitations.ts'
import { userAdminRoutes } from './user-admin.ts'

const guarded = guardRoutes(verifier)

/** Adds registration, the own profile, the list of accounts, and what administrators do with accounts. */
export function userRoutes(app: OpenAPIHono<App>): void {
  app.openapi(guarded(routes.register), async (c) => {
    const registered = await register(c.env, {
      body: c.req.valid('json'),
      idempotencyKey: readIdempotencyKey(c.req.header('idempotency-key')),
      answer: (registration) => data(c, registration),
      address: addressOf(c),
      traceparent: toTraceparent(c.get('trace')),
    })
    if (registered.replayed) c.header('Idempotent-Replayed', 'true')
    return c.json(JSON.parse(registered.response), 201)
  })

  app.openapi(guarded(routes.profile), async (c) => {
    const found = await findUserWithFactors(c.env.DB, principalOf(c).id)
    if (found === undefined || found.user.status === 'disabled')
      throw new AppError('unauthorized', 'The account of this token is not active')
    return c.json(data(c, await profileOf(c.env, found.user, found.factors)), 200)
  })
  app.openapi(guarded(routes.updateProfile), async (c) => {
    const traceparent = toTraceparent(c.get('trace'))
    const user = await updateProfile(c.env, principalOf(c), c.req.valid('json'), traceparent)
    return c.json(data(c, await profileOf(c.env, user)), 200)
  })
  app.openapi(guarded(routes.preferences), async (c) =>
    c.json(data(c, await readPreferences(c.env, principalOf(c).id)), 200),
  )
  app.openapi(guarded(routes.putPreferences), async (c) => {
    const kept = await writePreferences(c.env, principalOf(c).id, c.req.valid('json'))
    return c.json(data(c, kept), 200)
  })

  // Before the routes by id, which would take `list` for one.
  app.openapi(guarded(routes.list), async (c) => {
    const query = c.req.valid('query')
    const { q, role, status, sort } = query
    // The order decides what a position is.
    const filters = [q ?? null, role ?? null, status ?? null, sort]
    const list = signedList(c, settingsOf(c.env).CURSOR_KEY, '/users/list', filters)
    const { rows, next } = await listUsers(c.env.DB, query, await list.after(query.cursor))
    return c.json(await list.page({ items: rows.map(toUser), next }), 200)
  })

  userAdminRoutes(app)
  invitationRoutes(app)
}

import type { OpenAPIHono } from '@hono/zod-openapi'
import { permissionsOf, type UserListQuery } from '@menagerie/contracts'
import { users as routes } from '@menagerie/contracts/routes'
import {
  AppError,
  clockOf,
  data,
  guardRoutes,
  page,
  principalOf,
  readCursor,
  readIdempotencyKey,
  signCursor,
  toTraceparent,
} from '@menagerie/core'
import { type App, settingsOf } from '../context.ts'
import { findUser, type ListPosition, listUsers, positionOf, toUser } from '../db/users.ts'
import { verifier } from '../deployment.ts'
import { wakeSweeper } from '../outbox.ts'
import { register } from '../users/register.ts'

const guarded = guardRoutes(verifier)

/** Adds registration, the own profile and the list of accounts. */
export function userRoutes(app: OpenAPIHono<App>): void {
  app.openapi(guarded(routes.register), async (c) => {
    const settings = settingsOf(c.env)
    const registered = await register({
      db: c.env.DB,
      body: c.req.valid('json'),
      idempotencyKey: readIdempotencyKey(c.req.header('idempotency-key')),
      answer: (registration) => data(c, registration),
      bcryptCost: Number(settings.BCRYPT_COST),
      secret: settings.KEY_ENCRYPTION_KEY,
      now: clockOf(c.env).now(),
      traceparent: toTraceparent(c.get('trace')),
    })
    c.executionCtx.waitUntil(wakeSweeper(c.env))
    if (registered.replayed) c.header('Idempotent-Replayed', 'true')
    return c.json(JSON.parse(registered.response), 201)
  })

  app.openapi(guarded(routes.profile), async (c) => {
    const user = await findUser(c.env.DB, principalOf(c).id)
    if (user === undefined || user.status === 'disabled')
      throw new AppError('unauthorized', 'The account of this token is not active')
    const { status: _status, ...profile } = toUser(user)
    return c.json(
      data(c, {
        ...profile,
        permissions: permissionsOf(user.roles),
        mfa: { enabled: false, methods: [] },
      }),
      200,
    )
  })

  app.openapi(guarded(routes.list), async (c) => {
    const query = c.req.valid('query')
    const { CURSOR_KEY } = settingsOf(c.env)
    const scope = listScope(principalOf(c).id, query)
    const after =
      query.cursor === undefined
        ? undefined
        : asPosition(await readCursor(CURSOR_KEY, scope, query.cursor))
    const rows = await listUsers(c.env.DB, query, after)
    const shown = rows.slice(0, query.limit)
    const last = shown.at(-1)
    const next =
      last === undefined || rows.length <= query.limit
        ? undefined
        : await signCursor(CURSOR_KEY, scope, positionOf(last, query.sort))
    return c.json(page(c, shown.map(toUser), next), 200)
  })
}

/** A cursor is signed by us, so its shape is ours. */
const asPosition = ([value = '', id = '']: (string | number)[]): ListPosition => [value, String(id)]

/** Who lists what: a cursor is good for the same caller and query alone; the page size may change. */
const listScope = (caller: string, { q, role, status, sort }: UserListQuery): string =>
  JSON.stringify(['/users/list', caller, q ?? null, role ?? null, status ?? null, sort])

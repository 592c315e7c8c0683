import type { OpenAPIHono } from '@hono/zod-openapi'
import { notifications as routes } from '@menagerie/contracts/routes'
import {
  AppError,
  data,
  guardRoutes,
  page,
  principalOf,
  readIdempotencyKey,
  requirePermission,
  signedList,
  verifierFor,
} from '@menagerie/core'
import { type App, settingsOf } from '../context.ts'
import { createNotification } from '../create/create.ts'
import { findMailbox, listPending, type PendingPosition } from '../db/pending.ts'
import { contextOf, mailboxNamed, orThrow, ownMailbox } from '../mailboxes.ts'

const guarded = guardRoutes(verifierFor('notifications'))

/** Making, listing and looking at notifications. */
export function notificationRoutes(app: OpenAPIHono<App>): void {
  app.openapi(guarded(routes.create), async (c) => {
    const key = readIdempotencyKey(c.req.header('idempotency-key'))
    const request = c.req.valid('json')
    const created = await createNotification(
      c.env,
      principalOf(c),
      request,
      key,
      contextOf(c),
      c.get('line'),
    )
    if (created.replayed) c.header('Idempotent-Replayed', 'true')
    return c.json(data(c, created.notification), 202)
  })

  app.openapi(guarded(routes.pending), async (c) => {
    const principal = principalOf(c)
    const { limit, cursor, scope, ...filters } = c.req.valid('query')
    if (scope === 'all') requirePermission(principal, 'notifications:read:all')
    const owner = scope === 'all' ? undefined : principal.id
    const key = settingsOf(c.env).CURSOR_KEY
    const list = signedList<PendingPosition>(c, key, 'notifications/pending', [scope, filters])
    const found = await listPending(c.env.DB, owner, filters, limit, await list.after(cursor))
    return c.json(await list.page(found), 200)
  })

  app.openapi(guarded(routes.inbox), async (c) => {
    const principal = principalOf(c)
    const { limit, cursor } = c.req.valid('query')
    const mailbox = mailboxNamed(c.env, ownMailbox(principal))
    const { items, nextBeforeSeq } = orThrow(await mailbox.inbox(principal, toSeq(cursor), limit))
    const next = nextBeforeSeq === undefined ? undefined : String(nextBeforeSeq)
    return c.json(page(c, items, next), 200)
  })
}

/** `GET /notifications/{id}`; added after the paths that stand beside it. */
export function notificationRoute(app: OpenAPIHono<App>): void {
  app.openapi(guarded(routes.get), async (c) => {
    const principal = principalOf(c)
    const id = c.req.valid('param').id.toLowerCase()
    const own = await mailboxNamed(c.env, ownMailbox(principal)).get(principal, id)
    if (own.ok || !principal.permissions.includes('notifications:read:all'))
      return c.json(data(c, orThrow(own)), 200)
    const mailbox = await findMailbox(c.env.DB, id)
    if (mailbox === undefined) return c.json(data(c, orThrow(own)), 200)
    return c.json(data(c, orThrow(await mailboxNamed(c.env, mailbox).get(principal, id))), 200)
  })
}

/** Numbers of events are no secret and never move: an entry's number is the cursor of those before it. */
function toSeq(cursor: string | undefined): number | null {
  if (cursor === undefined) return null
  if (/^\d{1,15}$/.test(cursor)) return Number(cursor)
  throw new AppError('validation_failed', 'The cursor is not one of this list', {
    errors: [
      {
        pointer: '/query/cursor',
        code: 'invalid_cursor',
        detail: 'use nextCursor of the page before',
      },
    ],
  })
}

import type { OpenAPIHono } from '@hono/zod-openapi'
import { queues } from '@menagerie/contracts/routes'
import {
  clockOf,
  data,
  guardRoutes,
  idFromKey,
  newId,
  openSocket,
  principalOf,
  readIdempotencyKey,
  signedList,
  socketAddress,
  verifierFor,
} from '@menagerie/core'
import { type App, settingsOf } from '../context.ts'
import { hideQueue, listQueues, type QueuePosition, showQueue } from '../db/queues.ts'
import { readIfMatch } from '../if-match.ts'
import { orThrow, queueContextOf, queueOf } from '../queues.ts'

const guarded = guardRoutes(verifierFor('communications'))

/** Queues: what they are, who waits in them, and their numbers as they change. */
export function queueRoutes(app: OpenAPIHono<App>): void {
  app.openapi(guarded(queues.create), async (c) => {
    const principal = principalOf(c)
    const request = c.req.valid('json')
    const key = readIdempotencyKey(c.req.header('idempotency-key')) ?? null
    const id =
      key === null ? newId() : await idFromKey(principal.id, `POST ${queues.create.path}`, key)
    const { queue, replayed } = orThrow(
      await queueOf(c.env, id).create(principal, { id, key, request }, queueContextOf(c)),
    )
    if (replayed) c.header('Idempotent-Replayed', 'true')
    else await showQueue(c.env.DB, queue)
    c.header('ETag', etagOf(queue.version))
    return c.json(data(c, queue), 201)
  })

  app.openapi(guarded(queues.list), async (c) => {
    const { limit, cursor } = c.req.valid('query')
    const list = signedList<QueuePosition>(c, settingsOf(c.env).CURSOR_KEY, 'queues')
    const found = await listQueues(c.env.DB, limit, await list.after(cursor))
    return c.json(await list.page(found), 200)
  })

  app.openapi(guarded(queues.get), async (c) => {
    const queue = orThrow(await queueOf(c.env, c.req.valid('param').id).get())
    c.header('ETag', etagOf(queue.version))
    return c.json(data(c, queue), 200)
  })

  app.openapi(guarded(queues.patch), async (c) => {
    const { id } = c.req.valid('param')
    const command = { patch: c.req.valid('json'), ifMatch: readIfMatch(c.req.header('if-match')) }
    const queue = orThrow(
      await queueOf(c.env, id).patch(principalOf(c), command, queueContextOf(c)),
    )
    await showQueue(c.env.DB, queue)
    c.header('ETag', etagOf(queue.version))
    return c.json(data(c, queue), 200)
  })

  app.openapi(guarded(queues.remove), async (c) => {
    const { id } = c.req.valid('param')
    orThrow(await queueOf(c.env, id).remove(principalOf(c), queueContextOf(c)))
    await hideQueue(c.env.DB, id, clockOf(c.env).now())
    return c.body(null, 204)
  })

  app.openapi(guarded(queues.stats), async (c) => {
    const stats = orThrow(await queueOf(c.env, c.req.valid('param').id).stats())
    return c.json(data(c, stats), 200)
  })

  app.openapi(guarded(queues.contacts), async (c) => {
    const { id } = c.req.valid('param')
    const { limit, cursor } = c.req.valid('query')
    const key = settingsOf(c.env).CURSOR_KEY
    const list = signedList<[position: number]>(c, key, 'queues/contacts', [id])
    const [after] = (await list.after(cursor)) ?? [0]
    const { contacts, next } = orThrow(await queueOf(c.env, id).contacts(after, limit))
    return c.json(
      await list.page({ items: contacts, next: next === undefined ? next : [next] }),
      200,
    )
  })

  app.openapi(guarded(queues.ticket), async (c) => {
    const { id } = c.req.valid('param')
    const ticket = orThrow(await queueOf(c.env, id).issueTicket(principalOf(c)))
    const url = socketAddress(settingsOf(c.env).PUBLIC_URL, `/queues/${id}/ws`)
    return c.json(data(c, { url, ...ticket }), 201)
  })

  app.openapi(guarded(queues.socket), async (c) => {
    const queue = queueOf(c.env, c.req.valid('param').id)
    return (await openSocket(
      c,
      queue,
      async (principal) => orThrow(await queue.issueTicket(principal)).ticket,
    )) as never
  })
}

const etagOf = (version: number): string => `"${version}"`

import type { OpenAPIHono } from '@hono/zod-openapi'
import type { StartCallRequest } from '@menagerie/contracts'
import { calls } from '@menagerie/contracts/routes'
import {
  AppError,
  data,
  guardRoutes,
  idFromKey,
  newId,
  openSocket,
  page,
  principalOf,
  readIdempotencyKey,
  socketAddress,
  verifierFor,
} from '@menagerie/core'
import { type App, settingsOf } from '../context.ts'
import { findFlow } from '../db/flows.ts'
import { contextOf, orThrow, roomOf } from '../rooms.ts'
import { callCommandRoutes } from './call-commands.ts'

const guarded = guardRoutes(verifierFor('communications'))

/** Starting, looking at and joining calls. */
export function callRoutes(app: OpenAPIHono<App>): void {
  callCommandRoutes(app)

  app.openapi(guarded(calls.start), async (c) => {
    const principal = principalOf(c)
    const request = c.req.valid('json')
    refuseUnfit(request, principal.id)
    const { CARRIER_NUMBER, PUBLIC_URL } = settingsOf(c.env)
    const from = request.to.startsWith('user:')
      ? `user:${principal.id}`
      : (request.from ?? CARRIER_NUMBER)
    if (from === '') throw new AppError('unavailable', 'This deployment has no number to call from')
    const key = readIdempotencyKey(c.req.header('idempotency-key')) ?? null
    const id =
      key === null ? newId() : await idFromKey(principal.id, `POST ${calls.start.path}`, key)
    const flow = request.flowId === undefined ? null : await findFlow(c.env.DB, request.flowId)
    const command = { id, key, request, from, flow: flow?.steps ?? null }
    const started = orThrow(await roomOf(c.env, id).start(principal, command, contextOf(c)))
    if (started.replayed) c.header('Idempotent-Replayed', 'true')
    const { ticket, expiresAt, call } = started
    return c.json(
      data(c, {
        ...call,
        room: { url: socketAddress(PUBLIC_URL, `/calls/${id}/ws`), ticket, expiresAt },
      }),
      201,
    )
  })

  app.openapi(guarded(calls.get), async (c) => {
    const { id } = c.req.valid('param')
    return c.json(data(c, orThrow(await roomOf(c.env, id).get(principalOf(c)))), 200)
  })

  app.openapi(guarded(calls.events), async (c) => {
    const { id } = c.req.valid('param')
    const { afterSeq, cursor, limit } = c.req.valid('query')
    const room = roomOf(c.env, id)
    const { events, nextAfterSeq } = orThrow(
      await room.events(principalOf(c), cursor ?? afterSeq, limit),
    )
    // Numbers of events are no secret and never move: the next page's `afterSeq` is its own cursor.
    if (nextAfterSeq === undefined) return c.json(page(c, events), 200)
    c.header('Link', `</calls/${id}/events?afterSeq=${nextAfterSeq}&limit=${limit}>; rel="next"`)
    const { data: items, meta } = page(c, events)
    return c.json({ data: items, meta: { ...meta, nextCursor: String(nextAfterSeq) } }, 200)
  })

  app.openapi(guarded(calls.ticket), async (c) => {
    const { id } = c.req.valid('param')
    const ticket = orThrow(await roomOf(c.env, id).issueTicket(principalOf(c)))
    return c.json(
      data(c, { url: socketAddress(settingsOf(c.env).PUBLIC_URL, `/calls/${id}/ws`), ...ticket }),
      201,
    )
  })

  app.openapi(guarded(calls.socket), async (c) => {
    const room = roomOf(c.env, c.req.valid('param').id)
    return (await openSocket(
      c,
      room,
      async (principal) => orThrow(await room.issueTicket(principal)).ticket,
    )) as never
  })
}

const at = (pointer: string, detail: string) =>
  new AppError('validation_failed', 'The request has fields that are not valid', {
    errors: [{ pointer, code: 'invalid', detail }],
  })

/** What a call cannot do is refused, so that nobody waits for it. */
function refuseUnfit(request: StartCallRequest, callerId: string): void {
  const { to, from, flowId, record, statusCallback } = request
  if (statusCallback !== undefined)
    throw new AppError('not_implemented', 'statusCallback is not built yet: leave it out')
  if (!to.startsWith('user:')) return
  if (to === `user:${callerId}`) throw at('/to', 'must be somebody else')
  if (from !== undefined) throw at('/from', 'is for calls to phones')
  if (flowId !== undefined) throw at('/flowId', 'is for calls to phones')
  if (record === true) throw at('/record', 'is for calls to phones')
}

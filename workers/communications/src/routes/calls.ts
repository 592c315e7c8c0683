import type { OpenAPIHono } from '@hono/zod-openapi'
import { type StartCallRequest, subprotocol, ticketPrefix } from '@menagerie/contracts'
import { calls } from '@menagerie/contracts/routes'
import {
  AppError,
  data,
  guardRoutes,
  idFromKey,
  newId,
  page,
  principalOf,
  readIdempotencyKey,
  toTraceparent,
  verifierFor,
} from '@menagerie/core'
import { type App, settingsOf } from '../context.ts'
import { contextOf, orThrow, roomOf } from '../rooms.ts'
import { socketUrl } from '../socket-url.ts'

const guarded = guardRoutes(verifierFor('communications'))

/** Starting, looking at, joining and ending calls. */
export function callRoutes(app: OpenAPIHono<App>): void {
  app.openapi(guarded(calls.start), async (c) => {
    const principal = principalOf(c)
    const request = c.req.valid('json')
    refuseUnbuilt(request)
    const { CARRIER_NUMBER, PUBLIC_URL } = settingsOf(c.env)
    const from = request.from ?? CARRIER_NUMBER
    if (from === '') throw new AppError('unavailable', 'This deployment has no number to call from')
    const key = readIdempotencyKey(c.req.header('idempotency-key')) ?? null
    const id =
      key === null ? newId() : await idFromKey(principal.id, `POST ${calls.start.path}`, key)
    const command = { id, key, request, from }
    const started = orThrow(await roomOf(c.env, id).start(principal, command, contextOf(c)))
    if (started.replayed) c.header('Idempotent-Replayed', 'true')
    const { ticket, expiresAt, call } = started
    return c.json(
      data(c, { ...call, room: { url: socketUrl(PUBLIC_URL, id), ticket, expiresAt } }),
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
    return c.json(data(c, { url: socketUrl(settingsOf(c.env).PUBLIC_URL, id), ...ticket }), 201)
  })

  app.openapi(guarded(calls.socket), async (c) => {
    const { id } = c.req.valid('param')
    if (c.req.header('upgrade')?.toLowerCase() !== 'websocket')
      throw new AppError('upgrade_required', 'This address speaks WebSocket')
    const room = roomOf(c.env, id)
    const principal = c.get('principal')
    const request = new Request(c.req.raw)
    request.headers.set('x-request-id', c.get('requestId'))
    request.headers.set('traceparent', toTraceparent(c.get('trace')))
    const offered = request.headers.get('sec-websocket-protocol')
    if (principal !== undefined) {
      // The object has one way in: whoever shows a token is given a ticket and comes in with it.
      const { ticket } = orThrow(await room.issueTicket(principal))
      request.headers.delete('authorization')
      request.headers.set('sec-websocket-protocol', `${subprotocol}, ${ticketPrefix}${ticket}`)
    }
    const response = await room.fetch(request)
    // A client that offered no subprotocol must not be answered with one (RFC 6455 §4.1).
    if (response.webSocket && offered === null)
      return new Response(null, { status: 101, webSocket: response.webSocket }) as never
    // A ticket of a call that does not exist is as unknown as any other.
    if (response.status === 404 && principal === undefined)
      throw new AppError('invalid_ticket', 'The ticket is unknown, used or late')
    return response as never
  })

  app.openapi(guarded(calls.hangup), async (c) => {
    const { id } = c.req.valid('param')
    const key = readIdempotencyKey(c.req.header('idempotency-key')) ?? null
    const room = roomOf(c.env, id)
    const { call, replayed } = orThrow(await room.hangup(principalOf(c), key, contextOf(c)))
    if (replayed) c.header('Idempotent-Replayed', 'true')
    return c.json(data(c, call), 202)
  })
}

/** What a call cannot do yet is refused, so that nobody waits for it. */
function refuseUnbuilt(request: StartCallRequest): void {
  if (request.to.startsWith('user:'))
    throw new AppError('not_implemented', 'Calls between browsers are not built yet')
  if (request.flowId !== undefined)
    throw new AppError('not_implemented', 'Flows are not built yet: leave flowId out')
  if (request.statusCallback !== undefined)
    throw new AppError('not_implemented', 'statusCallback is not built yet: leave it out')
}

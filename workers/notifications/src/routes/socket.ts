import type { OpenAPIHono } from '@hono/zod-openapi'
import { subprotocol, ticketPrefix } from '@menagerie/contracts'
import { notifications as routes } from '@menagerie/contracts/routes'
import {
  AppError,
  data,
  guardRoutes,
  principalOf,
  toTraceparent,
  verifierFor,
} from '@menagerie/core'
import { mailboxOf, userOfTicket } from '@menagerie/durable-objects/mailbox'
import { type App, settingsOf } from '../context.ts'
import { mailboxNamed, orThrow, ownMailbox } from '../mailboxes.ts'
import { socketUrl } from '../socket-url.ts'

const guarded = guardRoutes(verifierFor('notifications'))

/** The socket of the caller's own mailbox, and tickets to it. */
export function socketRoutes(app: OpenAPIHono<App>): void {
  app.openapi(guarded(routes.ticket), async (c) => {
    const principal = principalOf(c)
    const name = ownMailbox(principal)
    const ticket = orThrow(await mailboxNamed(c.env, name).issueTicket(principal, name))
    return c.json(data(c, { url: socketUrl(settingsOf(c.env).PUBLIC_URL), ...ticket }), 201)
  })

  app.openapi(guarded(routes.socket), async (c) => {
    if (c.req.header('upgrade')?.toLowerCase() !== 'websocket')
      throw new AppError('upgrade_required', 'This address speaks WebSocket')
    const principal = c.get('principal')
    const request = new Request(c.req.raw)
    request.headers.set('x-request-id', c.get('requestId'))
    request.headers.set('traceparent', toTraceparent(c.get('trace')))
    const offered = request.headers.get('sec-websocket-protocol')
    const name = principal === undefined ? mailboxOfTicket(offered) : ownMailbox(principal)
    const mailbox = mailboxNamed(c.env, name)
    if (principal !== undefined) {
      // The object has one way in: whoever shows a token is given a ticket and comes in with it.
      const { ticket } = orThrow(await mailbox.issueTicket(principal, name))
      request.headers.delete('authorization')
      request.headers.set('sec-websocket-protocol', `${subprotocol}, ${ticketPrefix}${ticket}`)
    }
    const response = await mailbox.fetch(request)
    // A client that offered no subprotocol must not be answered with one (RFC 6455 §4.1).
    if (response.webSocket && offered === null)
      return new Response(null, { status: 101, webSocket: response.webSocket }) as never
    // A ticket to a mailbox that was never opened is as unknown as any other.
    if (response.status === 404)
      throw new AppError('invalid_ticket', 'The ticket is unknown, used or late')
    return response as never
  })
}

/** The mailbox a ticket leads to. What is no ticket leads to one that is never opened, which says what is wrong. */
function mailboxOfTicket(offered: string | null): string {
  const ticket = offered
    ?.split(',')
    .map((name) => name.trim())
    .find((name) => name.startsWith(ticketPrefix))
    ?.slice(ticketPrefix.length)
  const userId = ticket === undefined ? undefined : userOfTicket(ticket)
  return mailboxOf({ userId: userId ?? 'nobody' })
}

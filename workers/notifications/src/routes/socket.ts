import type { OpenAPIHono } from '@hono/zod-openapi'
import { ticketPrefix } from '@menagerie/contracts'
import { notifications as routes } from '@menagerie/contracts/routes'
import {
  data,
  guardRoutes,
  openSocket,
  principalOf,
  socketAddress,
  verifierFor,
} from '@menagerie/core'
import { mailboxOf, userOfTicket } from '@menagerie/durable-objects/mailbox'
import { type App, settingsOf } from '../context.ts'
import { mailboxNamed, orThrow, ownMailbox } from '../mailboxes.ts'

const guarded = guardRoutes(verifierFor('notifications'))

/** The socket of the caller's own mailbox, and tickets to it. */
export function socketRoutes(app: OpenAPIHono<App>): void {
  app.openapi(guarded(routes.ticket), async (c) => {
    const principal = principalOf(c)
    const name = ownMailbox(principal)
    const ticket = orThrow(await mailboxNamed(c.env, name).issueTicket(principal, name))
    const url = socketAddress(settingsOf(c.env).PUBLIC_URL, '/notifications/ws')
    return c.json(data(c, { url, ...ticket }), 201)
  })

  app.openapi(guarded(routes.socket), async (c) => {
    const principal = c.get('principal')
    const offered = c.req.header('sec-websocket-protocol')
    const name = principal === undefined ? mailboxOfTicket(offered) : ownMailbox(principal)
    const mailbox = mailboxNamed(c.env, name)
    return (await openSocket(
      c,
      mailbox,
      async (owner) => orThrow(await mailbox.issueTicket(owner, name)).ticket,
    )) as never
  })
}

/** The mailbox a ticket leads to. What is no ticket leads to one that is never opened, which says what is wrong. */
function mailboxOfTicket(offered: string | undefined): string {
  const ticket = offered
    ?.split(',')
    .map((name) => name.trim())
    .find((name) => name.startsWith(ticketPrefix))
    ?.slice(ticketPrefix.length)
  const userId = ticket === undefined ? undefined : userOfTicket(ticket)
  return mailboxOf({ userId: userId ?? 'nobody' })
}

import type { OpenAPIHono } from '@hono/zod-openapi'
import { ticketPrefix } from '@menagerie/contracts'
import { agents as routes } from '@menagerie/contracts/routes'
import {
  data,
  guardRoutes,
  openSocket,
  principalOf,
  readIdempotencyKey,
  signedList,
  socketAddress,
  verifierFor,
} from '@menagerie/core'
import { userOfTicket } from '@menagerie/durable-objects/agent-desk'
import { type App, settingsOf } from '../context.ts'
import { type AgentPosition, listAgents } from '../db/agents.ts'
import { deskAnswer, deskOf } from '../desks.ts'
import { contextOf } from '../rooms.ts'

const guarded = guardRoutes(verifierFor('communications'))

/** The caller's own desk and its socket, agents as supervisors see them, and reservations. */
export function agentRoutes(app: OpenAPIHono<App>): void {
  ownDesk(app)
  ownSocket(app)
  supervised(app)
  reservations(app)
}

function ownDesk(app: OpenAPIHono<App>): void {
  app.openapi(guarded(routes.me), async (c) => {
    const principal = principalOf(c)
    return c.json(data(c, deskAnswer(await deskOf(c.env, principal.id).own(principal))), 200)
  })

  app.openapi(guarded(routes.setActivity), async (c) => {
    const principal = principalOf(c)
    const desk = deskOf(c.env, principal.id)
    const agent = deskAnswer(await desk.setActivity(principal, c.req.valid('json'), contextOf(c)))
    return c.json(data(c, agent), 200)
  })
}

function ownSocket(app: OpenAPIHono<App>): void {
  app.openapi(guarded(routes.ticket), async (c) => {
    const principal = principalOf(c)
    const ticket = deskAnswer(await deskOf(c.env, principal.id).issueTicket(principal))
    const url = socketAddress(settingsOf(c.env).PUBLIC_URL, '/agents/me/ws')
    return c.json(data(c, { url, ...ticket }), 201)
  })

  app.openapi(guarded(routes.socket), async (c) => {
    const principal = c.get('principal')
    const offered = c.req.header('sec-websocket-protocol')
    const desk = deskOf(c.env, principal?.id ?? ownerOfTicket(offered))
    return (await openSocket(
      c,
      desk,
      async (owner) => deskAnswer(await desk.issueTicket(owner)).ticket,
    )) as never
  })
}

function supervised(app: OpenAPIHono<App>): void {
  app.openapi(guarded(routes.list), async (c) => {
    const { limit, cursor, ...filters } = c.req.valid('query')
    const list = signedList<AgentPosition>(c, settingsOf(c.env).CURSOR_KEY, 'agents', [filters])
    const found = await listAgents(c.env.DB, filters, limit, await list.after(cursor))
    return c.json(await list.page(found), 200)
  })

  app.openapi(guarded(routes.get), async (c) => {
    const { id } = c.req.valid('param')
    return c.json(data(c, deskAnswer(await deskOf(c.env, id).get(id))), 200)
  })

  // Whether there is such an account is known to another service, so an id of none makes a desk that nobody opens.
  app.openapi(guarded(routes.put), async (c) => {
    const id = c.req.valid('param').id.toLowerCase()
    const desk = deskOf(c.env, id)
    const agent = deskAnswer(
      await desk.configure(principalOf(c), id, c.req.valid('json'), contextOf(c)),
    )
    return c.json(data(c, agent), 200)
  })

  app.openapi(guarded(routes.signOut), async (c) => {
    const desk = deskOf(c.env, c.req.valid('param').id)
    return c.json(data(c, deskAnswer(await desk.signOut(principalOf(c), contextOf(c)))), 200)
  })
}

function reservations(app: OpenAPIHono<App>): void {
  app.openapi(guarded(routes.accept), async (c) => {
    const principal = principalOf(c)
    const key = readIdempotencyKey(c.req.header('idempotency-key')) ?? null
    const desk = deskOf(c.env, principal.id)
    const { reservation, replayed } = deskAnswer(
      await desk.accept(principal, c.req.valid('param').id, key, contextOf(c)),
      'reservation',
    )
    if (replayed) c.header('Idempotent-Replayed', 'true')
    return c.json(data(c, reservation), 200)
  })

  app.openapi(guarded(routes.reject), async (c) => {
    const principal = principalOf(c)
    const key = readIdempotencyKey(c.req.header('idempotency-key')) ?? null
    const desk = deskOf(c.env, principal.id)
    const { reservation, replayed } = deskAnswer(
      await desk.reject(principal, c.req.valid('param').id, key, contextOf(c)),
      'reservation',
    )
    if (replayed) c.header('Idempotent-Replayed', 'true')
    return c.json(data(c, reservation), 200)
  })
}

/** Whose desk a ticket leads to. What is no ticket leads to one that is never opened, which says what is wrong. */
function ownerOfTicket(offered: string | undefined): string {
  const ticket = offered
    ?.split(',')
    .map((name) => name.trim())
    .find((name) => name.startsWith(ticketPrefix))
    ?.slice(ticketPrefix.length)
  return (ticket === undefined ? undefined : userOfTicket(ticket)) ?? 'nobody'
}

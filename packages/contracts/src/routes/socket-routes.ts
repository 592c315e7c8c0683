import { z } from '@hono/zod-openapi'
import { TicketGrant } from '../calls.ts'
import { dataOf } from '../envelope.ts'
import { queryInteger } from '../primitives.ts'
import { declare, jsonAnswer, type RoutePolicy } from './declare.ts'

/** `POST …/ticket`: a single-use ticket to the socket beside it. */
export const ticketRoute = <
  const Y extends RoutePolicy,
  const P extends string,
  const R extends object,
>(
  policy: Y,
  path: P,
  request: R,
  whose: string,
) =>
  declare(policy, {
    method: 'post',
    path,
    summary: `A single-use ticket to the socket of ${whose}`,
    request,
    responses: { 201: jsonAnswer(dataOf(TicketGrant), 'The ticket, good for 30 seconds') },
  })

/** The query of an upgrade. */
export const socketQuery = z.strictObject({
  afterSeq: queryInteger(0, Number.MAX_SAFE_INTEGER).optional(),
})

/** What a socket's upgrade answers beyond its route's own errors. */
export const socketErrors = ['invalid_ticket', 'invalid_request', 'upgrade_required'] as const
export const switching = { 101: { description: 'menagerie.v1' } } as const

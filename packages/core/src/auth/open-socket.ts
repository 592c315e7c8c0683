import { subprotocol, ticketPrefix } from '@menagerie/contracts'
import type { AppEnv } from '../app.ts'
import { AppError } from '../app-error.ts'
import type { Principal } from '../principal.ts'
import { toTraceparent } from '../trace.ts'

/** The address of a socket: absolute, from `PUBLIC_URL`, `ws:` or `wss:`. @param path from the root on: `/devices/d1/ws` */
export const socketAddress = (publicUrl: string, path: string): string =>
  `${publicUrl.replace(/^http/, 'ws').replace(/\/$/, '')}${path}`

/** What is needed of a request's context. */
interface SocketContext {
  readonly var: Readonly<AppEnv['Variables']>
  readonly req: { readonly raw: Request }
}

/**
 * The upgrade as an object of ours shall see it: with our request id and trace, and without the token, which the Worker
 * has verified.
 *
 * @throws AppError `upgrade_required` for a request that is none
 */
export function upgradeFor(c: SocketContext): Request {
  if (c.req.raw.headers.get('upgrade')?.toLowerCase() !== 'websocket')
    throw new AppError('upgrade_required', 'This address speaks WebSocket', {
      headers: { upgrade: 'websocket' },
    })
  const request = new Request(c.req.raw)
  request.headers.set('x-request-id', c.var.requestId)
  request.headers.set('traceparent', toTraceparent(c.var.trace))
  request.headers.delete('authorization')
  return request
}

/**
 * Hands an upgrade to the object that owns the socket (contract §4). The object has one way in, a ticket: whoever shows
 * a token instead is given one and comes in with it.
 *
 * @param issueTicket asks the object for a ticket; throws when the principal may not have one
 */
export async function openSocket(
  c: SocketContext,
  object: Pick<Fetcher, 'fetch'>,
  issueTicket: (principal: Principal) => Promise<string>,
): Promise<Response> {
  const request = upgradeFor(c)
  const offered = request.headers.get('sec-websocket-protocol')
  const { principal } = c.var
  if (principal !== undefined) {
    const ticket = await issueTicket(principal)
    request.headers.set('sec-websocket-protocol', `${subprotocol}, ${ticketPrefix}${ticket}`)
  }
  const response = await object.fetch(request)
  // A client that offered no subprotocol must not be answered with one (RFC 6455 §4.1).
  if (response.webSocket && offered === null)
    return new Response(null, { status: 101, webSocket: response.webSocket })
  // A ticket of an object that does not exist is as unknown as any other.
  if (response.status === 404 && principal === undefined)
    throw new AppError('invalid_ticket', 'The ticket is unknown, used or late')
  return response
}

import { subprotocol, ticketPrefix } from '@menagerie/contracts'
import { AppError, err, ok, type Result } from '@menagerie/core'

/** What a well-formed upgrade asks for. */
export interface UpgradeRequest {
  ticket: string
  /** Undefined: from the head on. */
  afterSeq: number | undefined
  /** W3C Trace Context; undefined when there is none, or none that fits. */
  traceparent: string | undefined
}

/** Said whatever is wrong with a ticket. */
export const invalidTicket = 'The ticket is unknown, used or late'

/** Names under which people put secrets into addresses, where logs and histories keep them. */
const secretNames = /^(?:ticket|token|access_token|id_token|jwt|authorization|auth|bearer)$/i

/** Reads an upgrade as contract §4 writes it, without using the ticket up. */
export function readUpgrade(request: Request): Result<UpgradeRequest, AppError> {
  if (request.headers.get('upgrade')?.toLowerCase() !== 'websocket')
    return refuse('upgrade_required', 'This address speaks WebSocket', {
      headers: { upgrade: 'websocket' },
    })
  const query = new URL(request.url).searchParams
  for (const name of query.keys())
    if (secretNames.test(name))
      return refuse('invalid_request', 'A token in the query string is refused')
  const asked = query.getAll('afterSeq')
  const [text] = asked
  if (asked.length > 1 || (text !== undefined && !isSeq(text)))
    return refuse('validation_failed', 'afterSeq is the number of an event', {
      errors: [
        { pointer: '/query/afterSeq', code: 'invalid', detail: 'must be an integer from 0 on' },
      ],
    })
  const offered = (request.headers.get('sec-websocket-protocol') ?? '')
    .split(',')
    .map((name) => name.trim())
  if (!offered.includes(subprotocol))
    return refuse('invalid_request', `The subprotocol is ${subprotocol}`)
  const tickets = offered.filter((name) => name.startsWith(ticketPrefix))
  const [ticket] = tickets
  if (ticket === undefined || tickets.length > 1) return refuse('invalid_ticket', invalidTicket)
  return ok({
    ticket: ticket.slice(ticketPrefix.length),
    afterSeq: text === undefined ? undefined : Number(text),
    traceparent: /^[\da-f-]{55}$/.exec(request.headers.get('traceparent') ?? '')?.[0],
  })
}

const isSeq = (text: string): boolean =>
  /^(?:0|[1-9]\d*)$/.test(text) && Number.isSafeInteger(Number(text))

const refuse = (...error: ConstructorParameters<typeof AppError>) => err(new AppError(...error))

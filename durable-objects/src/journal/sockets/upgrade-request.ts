import { subprotocol, ticketPrefix } from '@menagerie/contracts'
import { err, ok, type Result } from '@menagerie/core'
import type { Refusal } from './problem.ts'

/** What a well-formed upgrade asks for. */
export interface UpgradeRequest {
  ticket: string
  /** Undefined: from the head on. */
  afterSeq: number | undefined
}

/** Names under which people put secrets into addresses, where logs and histories keep them. */
const secretNames = /^(?:ticket|token|access_token|id_token|jwt|authorization|auth|bearer)$/i

/** Reads an upgrade as contract §4 writes it, without using the ticket up. */
export function readUpgrade(request: Request): Result<UpgradeRequest, Refusal> {
  if (request.headers.get('upgrade')?.toLowerCase() !== 'websocket')
    return err({ code: 'upgrade_required', detail: 'This address speaks WebSocket' })
  const query = new URL(request.url).searchParams
  for (const name of query.keys())
    if (secretNames.test(name))
      return err({ code: 'invalid_request', detail: 'A token in the query string is refused' })
  const asked = query.getAll('afterSeq')
  const [text] = asked
  if (asked.length > 1 || (text !== undefined && !isSeq(text)))
    return err({
      code: 'validation_failed',
      detail: 'afterSeq is the number of an event',
      errors: [
        { pointer: 'query/afterSeq', code: 'invalid', detail: 'must be an integer from 0 on' },
      ],
    })
  const offered = (request.headers.get('sec-websocket-protocol') ?? '')
    .split(',')
    .map((name) => name.trim())
  if (!offered.includes(subprotocol))
    return err({ code: 'invalid_request', detail: `The subprotocol is ${subprotocol}` })
  const tickets = offered.filter((name) => name.startsWith(ticketPrefix))
  const [ticket] = tickets
  if (ticket === undefined || tickets.length > 1)
    return err({ code: 'invalid_ticket', detail: 'One ticket opens one socket' })
  return ok({
    ticket: ticket.slice(ticketPrefix.length),
    afterSeq: text === undefined ? undefined : Number(text),
  })
}

const isSeq = (text: string): boolean =>
  /^(?:0|[1-9]\d*)$/.test(text) && Number.isSafeInteger(Number(text))

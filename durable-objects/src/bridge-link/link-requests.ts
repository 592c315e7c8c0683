import { BridgeUpFrame, subprotocol } from '@menagerie/contracts'
import { type AppError, newId, problemResponse } from '@menagerie/core'

/** Whether a client offers the protocol of all our sockets. */
export const offers = (request: Request): boolean =>
  (request.headers.get('sec-websocket-protocol') ?? '')
    .split(',')
    .some((name) => name.trim() === subprotocol)

/** Undefined for what no bridge says. */
export function parseFrame(text: string): BridgeUpFrame | undefined {
  try {
    return BridgeUpFrame.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}

export const refuse = (request: Request, error: AppError): Response =>
  problemResponse(
    error,
    new URL(request.url).pathname,
    request.headers.get('x-request-id') ?? newId(),
  )

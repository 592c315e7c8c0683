import { closeCodes, subprotocol } from '@menagerie/contracts'
import { AppError, newId, type Principal, problemResponse, randomToken } from '@menagerie/core'
import type { Ticket } from '../types.ts'
import { ClientFrames } from './client-frames.ts'
import { fitsAttachment } from './connection.ts'
import { Connections } from './connections.ts'
import { EventFeed } from './event-feed.ts'
import type { ServerFrame, SocketHost } from './host.ts'
import { dropLateTickets, redeemTicket, storeTicket } from './tickets.ts'
import { invalidTicket, readUpgrade } from './upgrade-request.ts'

/**
 * One more is refused with 429 rather than an old one closed: an app that opens too many would otherwise have its
 * sockets push each other out for ever.
 */
const MAX_SOCKETS_PER_PRINCIPAL = 10
const RETRY_AFTER_SECONDS = 5

/** Which sockets a broadcast reaches; all of them unless told. */
export interface BroadcastOptions {
  exceptConnectionId?: string
  to?: (principal: Principal, connectionId: string) => boolean
}

/** The sockets of one object (contract §4), on hibernation. */
export class JournalSockets {
  readonly #host: SocketHost
  readonly #connections: Connections
  readonly #feed: EventFeed
  readonly #frames: ClientFrames
  /** Sockets whose end was told. */
  readonly #gone = new WeakSet<WebSocket>()

  constructor(ctx: DurableObjectState, host: SocketHost) {
    this.#host = host
    this.#connections = new Connections(ctx, host)
    this.#feed = new EventFeed(this.#connections, host)
    this.#frames = new ClientFrames(this.#connections, this.#feed, host)
    if (host.options === undefined) return
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair('ping', 'pong'))
    // The object may have gone between a commit and its flush.
    this.committed()
  }

  /** Open sockets. */
  get count(): number {
    return this.#connections.open().length
  }

  /** Who holds the open sockets, once for each socket. A socket that `closed` tells of is not among them. */
  get principals(): Principal[] {
    return this.#connections.open().map((ws) => this.#connections.of(ws).principal)
  }

  /**
   * A ticket that opens one socket within 30 s. The object must exist.
   *
   * @param prefix what the ticket begins with, base64url, where its address alone does not lead to the object
   */
  async issueTicket(principal: Principal, prefix = ''): Promise<Ticket> {
    if (!this.#host.exists()) throw new Error('A ticket needs an object that was created')
    return storeTicket(this.#host.exec, `${prefix}${randomToken()}`, principal, this.#host.now())
  }

  /**
   * Answers `GET …/ws`: 101 with a socket, or problem+json. A Worker that was given an `Authorization` header instead
   * of a ticket verifies it, issues a ticket and passes the request on with it.
   */
  async upgrade(request: Request): Promise<Response> {
    const { options, exec, now, exists } = this.#host
    const refuse = (error: AppError) =>
      problemResponse(
        error,
        new URL(request.url).pathname,
        request.headers.get('x-request-id') ?? newId(),
      )
    // Read first: what is wrong with a request is the same whether the object exists or not.
    const asked = readUpgrade(request)
    if (!asked.ok) return refuse(asked.error)
    if (options === undefined || !exists())
      return refuse(new AppError('not_found', 'There is no such object'))
    const principal = redeemTicket(exec, asked.value.ticket, now())
    if (principal === undefined) return refuse(new AppError('invalid_ticket', invalidTicket))
    if (!fitsAttachment(principal))
      return refuse(new AppError('payload_too_large', 'The token says too much for a socket'))
    if (!(await options.admit(principal)))
      return refuse(new AppError('unauthorized', 'The session has ended'))
    if (this.#countOf(principal) >= MAX_SOCKETS_PER_PRINCIPAL)
      return refuse(
        new AppError('too_many_requests', `At most ${MAX_SOCKETS_PER_PRINCIPAL} sockets each`, {
          retryAfterSeconds: RETRY_AFTER_SECONDS,
        }),
      )
    const { 0: client, 1: server } = new WebSocketPair()
    const connection = this.#connections.accept(server, {
      id: newId(),
      principal,
      cursor: this.#host.head(),
      traceparent: asked.value.traceparent,
    })
    this.#host.observe({ type: 'socket', change: 1 })
    options.opened?.(principal, connection.id)
    this.#feed.welcome(server, connection, asked.value.afterSeq)
    this.#connections.endsChanged()
    return new Response(null, {
      status: 101,
      webSocket: client,
      headers: { 'sec-websocket-protocol': subprotocol },
    })
  }

  /** What the object's `webSocketMessage` hands on. */
  async message(ws: WebSocket, data: string | ArrayBuffer): Promise<void> {
    // The platform has seen a client's close before it hands on what that client said before: its state says nothing.
    if (!this.#connections.isShut(ws)) await this.#frames.message(ws, data)
  }

  /** What the object's `webSocketError` hands on: the platform tells of a broken protocol by this and by no close. */
  failed(ws: WebSocket, error: unknown): void {
    this.#host.observe({ type: 'fault', where: 'socket', error })
    this.close(ws, 1006, '')
  }

  /** What the object's `webSocketClose` hands on. The close is answered here: workerd would leave the client at 1006. */
  close(ws: WebSocket, code: number, reason: string): void {
    // What it said before comes first.
    this.#frames.catchUp()
    this.#connections.shut(ws, code === 1005 || code === 1006 ? 1000 : code, reason)
    if (this.#gone.has(ws)) return
    this.#gone.add(ws)
    const { id, principal } = this.#connections.of(ws)
    this.#host.observe({ type: 'socket', change: -1 })
    this.#host.options?.closed?.(principal, id)
  }

  /** Sends a frame that is not an event: it carries no `seq` and is not replayed. Returns how many sockets it reached. */
  broadcast(frame: ServerFrame, options: BroadcastOptions = {}): number {
    const text = JSON.stringify(frame)
    const reached = this.#connections.open().filter((ws) => {
      const { id, principal } = this.#connections.of(ws)
      return id !== options.exceptConnectionId && (options.to?.(principal, id) ?? true)
    })
    for (const ws of reached) this.#connections.sendText(ws, text)
    return reached.length
  }

  /** Sends a frame to one socket; false when it is gone. */
  sendTo(connectionId: string, frame: ServerFrame): boolean {
    const ws = this.#connections.find(connectionId)
    if (ws === undefined) return false
    this.#connections.send(ws, frame)
    return true
  }

  /** Tells the sockets of a session that it was revoked and closes them with 4401. Returns how many there were. */
  closeSession(sessionId: string): number {
    const sockets = this.#connections
      .open()
      .filter((ws) => this.#connections.of(ws).principal.sessionId === sessionId)
    for (const ws of sockets) {
      this.#connections.send(ws, { type: 'session.revoked', data: {} })
      this.#connections.shut(ws, closeCodes.tokenEnded, 'session revoked')
    }
    return sockets.length
  }

  /** Whether that socket is open. */
  has(connectionId: string): boolean {
    return this.#connections.find(connectionId) !== undefined
  }

  /** Closes the sockets of those who match. Returns how many there were. */
  closeWhere(matches: (principal: Principal) => boolean, code: number, reason: string): number {
    const sockets = this.#connections
      .open()
      .filter((ws) => matches(this.#connections.of(ws).principal))
    for (const ws of sockets) this.#connections.shut(ws, code, reason)
    return sockets.length
  }

  closeAll(code: number, reason: string): void {
    for (const ws of this.#connections.open()) this.#connections.shut(ws, code, reason)
  }

  /** Something was committed: sockets get it within 10 ms, in a crowd within 50. */
  committed(): void {
    if (this.#host.options !== undefined) this.#feed.committed()
  }

  /** When the first token ends, milliseconds since the epoch. */
  nextDue(): number | undefined {
    return this.#host.options === undefined ? undefined : this.#connections.earliestEnd()
  }

  /** Closes the sockets whose token has ended and forgets tickets that were not used. */
  alarm(now: number): void {
    dropLateTickets(this.#host.exec, now)
    for (const ws of this.#connections.open())
      if (this.#connections.of(ws).principal.expiresAt <= now)
        this.#connections.shut(ws, closeCodes.tokenEnded, 'token ended')
    this.committed()
  }

  #countOf(principal: Principal): number {
    return this.#connections
      .open()
      .filter((ws) => this.#connections.of(ws).principal.id === principal.id).length
  }
}

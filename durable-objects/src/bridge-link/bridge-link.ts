import { DurableObject } from 'cloudflare:workers'
import {
  type BridgeDownFrame,
  BridgeUpFrame,
  closeCodes,
  type Downlink,
  subprotocol,
} from '@menagerie/contracts'
import {
  AppError,
  clockOf,
  err,
  Line,
  Logger,
  newId,
  ok,
  problemResponse,
  type Result,
} from '@menagerie/core'
import { durableObjectStorage } from '../journal/do-storage.ts'
import { SocketCount } from '../shared/socket-count.ts'
import { LinkQueue } from './link-queue.ts'
import type { BridgeLinkEnv, LinkError, LinkStatus } from './link-types.ts'
import { PendingAnswers } from './pending-answers.ts'

/** A newer bridge has taken the link over. */
const SUPERSEDED = 4409
const CREDENTIALS_TIMEOUT_MS = 5_000
/** A `published` frame names at most 1,000 ids of 256 characters. */
const MAX_UP_FRAME_CHARACTERS = 512 * 1024
const OPEN = 1

/** A socket's attachment: all of it that must survive hibernation. */
interface Connection {
  generation: number
  /** Place of the last message that was sent. */
  sentThrough: number
  /** When its token ends, milliseconds since the epoch. */
  expiresAt: number
}

/**
 * The way back to the devices of one broker: keeps messages in order until the broker has them, and holds the socket of
 * the one bridge that brings them there. No journal: what was delivered is nobody's history.
 */
export class BridgeLink extends DurableObject<BridgeLinkEnv> {
  readonly #logger = new Logger({ service: 'bridge_link', now: () => this.now() })
  readonly #storage = durableObjectStorage(this.ctx.storage, () => this.now())
  readonly #queue = new LinkQueue(this.#storage)
  readonly #socketCount = new SocketCount(this.ctx.storage.kv)
  readonly #pending = new PendingAnswers()
  /** Sockets whose end was told. */
  readonly #gone = new WeakSet<WebSocket>()

  constructor(ctx: DurableObjectState, env: BridgeLinkEnv) {
    super(ctx, env)
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair('ping', 'pong'))
    // Sockets that went while the object was not there told nobody.
    const lost =
      this.#queue.generation === 0 ? 0 : this.#socketCount.loseAllBut(this.#open().length)
    if (lost > 0) this.#line().count('websocket_connections', label, -lost).end('link.lost')
  }

  /** Keeps messages for devices, in order, until the broker has them; one with a known id is not kept again. */
  enqueue(messages: Downlink[]): void {
    const added = this.#queue.enqueue(messages)
    this.#pump()
    this.#line().end('link.enqueue', { messages: messages.length, added })
  }

  /**
   * Makes the broker know a device's password, or forget the device with `null`. Returns when the broker has done so.
   * The password is passed on and never stored.
   */
  async setCredentials(
    deviceId: string,
    password: string | null,
  ): Promise<Result<null, LinkError>> {
    const [ws] = this.#open()
    if (ws === undefined)
      return unavailable('No bridge is connected to the broker: start it, and try again')
    const id = newId()
    const { generation } = connectionOf(ws)
    const answer = this.#pending.wait(id, generation, CREDENTIALS_TIMEOUT_MS)
    if (!this.#send(ws, { type: 'credentials.set', id, data: { deviceId, password } }))
      this.#pending.gone(generation)
    const said = await answer
    this.#line().end('link.credentials', { deviceId, done: typeof said === 'object' && said.ok })
    if (said === 'late')
      return unavailable('The bridge did not confirm in time: see that it reaches the broker')
    if (said === 'gone') return unavailable('The bridge lost its connection: try again')
    if (said.ok) return ok(null)
    return unavailable(
      `The broker refused${said.detail === undefined ? '' : `: ${said.detail}`}; see the bridge's log`,
    )
  }

  status(): LinkStatus {
    const { queued, generation } = this.#queue
    return { connected: this.#open().length > 0, queued, generation }
  }

  /**
   * The upgrade of `GET /devices/bridge/ws`. The Worker has verified the token and tells its end in
   * `x-menagerie-token-expires`, milliseconds since the epoch.
   */
  override async fetch(request: Request): Promise<Response> {
    if (request.headers.get('upgrade')?.toLowerCase() !== 'websocket')
      return refuse(
        request,
        new AppError('upgrade_required', 'This address speaks WebSocket', {
          headers: { upgrade: 'websocket' },
        }),
      )
    const expiresAt = Number(request.headers.get('x-menagerie-token-expires') ?? Number.NaN)
    if (!(expiresAt > this.now()))
      return refuse(request, new AppError('unauthorized', 'The token has ended'))
    const { 0: client, 1: server } = new WebSocketPair()
    const older = this.#open()
    const generation = this.#queue.nextGeneration()
    this.ctx.acceptWebSocket(server, [`g:${generation}`])
    const connection = { generation, sentThrough: 0, expiresAt }
    server.serializeAttachment(connection satisfies Connection)
    for (const ws of older) this.#end(ws, SUPERSEDED, 'superseded')
    this.#socketCount.add(1)
    const link = this.ctx.id.name ?? 'default'
    this.#send(server, { type: 'welcome', data: { link, generation } })
    this.#pump()
    await this.#rearm()
    this.#line().count('websocket_connections', label).end('link.connected', { link, generation })
    return new Response(null, {
      status: 101,
      webSocket: client,
      headers: offers(request) ? { 'sec-websocket-protocol': subprotocol } : {},
    })
  }

  override webSocketMessage(ws: WebSocket, message: string | ArrayBuffer): void {
    if (ws.readyState !== OPEN) return
    if (typeof message !== 'string') this.#end(ws, closeCodes.unsupportedData, 'text only')
    else if (message.length > MAX_UP_FRAME_CHARACTERS)
      this.#end(ws, closeCodes.tooLarge, 'frame too large')
    else if (message === 'ping') ws.send('pong')
    else this.#heard(ws, parseFrame(message))
  }

  override webSocketClose(ws: WebSocket, code: number, reason: string): void {
    // The close is answered here: workerd would leave the bridge at 1006.
    this.#end(ws, code === 1005 || code === 1006 ? 1000 : code, reason)
    this.#forget(ws)
  }

  override webSocketError(ws: WebSocket, error: unknown): void {
    this.#logger.warn('fault', { object: 'BridgeLink', where: 'socket', error })
    this.#end(ws, 1000, '')
    this.#forget(ws)
  }

  /** Closes the socket whose token has ended: the bridge comes back with a fresh one, and nothing is lost. */
  override async alarm(): Promise<void> {
    const now = this.now()
    for (const ws of this.#open())
      if (connectionOf(ws).expiresAt <= now) this.#end(ws, closeCodes.tokenEnded, 'token ended')
    await this.#rearm()
  }

  /** Milliseconds since the epoch. */
  protected now(): number {
    return clockOf(this.env).now()
  }

  #heard(ws: WebSocket, frame: BridgeUpFrame | undefined): void {
    switch (frame?.type) {
      case undefined:
        this.#end(ws, closeCodes.policyViolation, 'malformed frame')
        return
      case 'published': {
        const published = this.#queue.published(frame.data.ids, this.now())
        this.#pump()
        this.#line().end('link.published', { published })
        return
      }
      case 'credentials.done': {
        const { ok: done, detail } = frame.data
        this.#pending.answered(frame.id, { ok: done, ...(detail === undefined ? {} : { detail }) })
        return
      }
    }
  }

  /** Sends what waits and has not been sent on this socket, as far as the bridge may hold more. */
  #pump(): void {
    const [ws] = this.#open()
    if (ws === undefined) return
    const connection = connectionOf(ws)
    let { sentThrough } = connection
    for (;;) {
      const frame = this.#queue.next(sentThrough)
      if (frame === undefined) break
      if (!this.#send(ws, { type: 'publish', data: { messages: frame.messages } })) return
      sentThrough = frame.through
    }
    if (sentThrough !== connection.sentThrough)
      ws.serializeAttachment({ ...connection, sentThrough } satisfies Connection)
  }

  /** The open socket of the newest bridge; more than one only while another takes over. */
  #open(): WebSocket[] {
    return this.ctx
      .getWebSockets()
      .filter((ws) => ws.readyState === OPEN)
      .sort((one, other) => connectionOf(other).generation - connectionOf(one).generation)
  }

  /** False when the socket has gone: the next one gets it. */
  #send(ws: WebSocket, frame: BridgeDownFrame): boolean {
    try {
      ws.send(JSON.stringify(frame))
      return true
    } catch (error) {
      this.#logger.warn('fault', { object: 'BridgeLink', where: 'send', error })
      return false
    }
  }

  #end(ws: WebSocket, code: number, reason: string): void {
    this.#pending.gone(connectionOf(ws).generation)
    try {
      ws.close(code, reason)
    } catch (error) {
      this.#logger.warn('fault', { object: 'BridgeLink', where: 'close', error })
    }
  }

  #forget(ws: WebSocket): void {
    if (this.#gone.has(ws)) return
    this.#gone.add(ws)
    this.#socketCount.add(-1)
    const { generation } = connectionOf(ws)
    this.#line().count('websocket_connections', label, -1).end('link.closed', { generation })
  }

  async #rearm(): Promise<void> {
    const ends = this.#open().map((ws) => connectionOf(ws).expiresAt)
    if (ends.length > 0) await this.#storage.setAlarm(Math.min(...ends))
  }

  #line(): Line {
    return new Line(this.#logger, { object: 'BridgeLink' })
  }
}

const label = { service: 'devices' }

const connectionOf = (ws: WebSocket): Connection => ws.deserializeAttachment() as Connection

const unavailable = (detail: string) => err({ code: 'unavailable', detail } as const)

const offers = (request: Request): boolean =>
  (request.headers.get('sec-websocket-protocol') ?? '')
    .split(',')
    .some((name) => name.trim() === subprotocol)

function parseFrame(text: string): BridgeUpFrame | undefined {
  try {
    return BridgeUpFrame.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}

const refuse = (request: Request, error: AppError): Response =>
  problemResponse(
    error,
    new URL(request.url).pathname,
    request.headers.get('x-request-id') ?? newId(),
  )

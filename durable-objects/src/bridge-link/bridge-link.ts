import { DurableObject } from 'cloudflare:workers'
import { type BridgeUpFrame, closeCodes, type Downlink, subprotocol } from '@menagerie/contracts'
import { AppError, clockOf, Line, Logger, newId, type Result } from '@menagerie/core'
import type { DeviceMessage, DeviceTwinApi } from '../device-twin/index.ts'
import { durableObjectStorage } from '../journal/do-storage.ts'
import { SocketCount } from '../shared/socket-count.ts'
import { CredentialBook } from './credential-book.ts'
import { CredentialPost } from './credential-post.ts'
import { HeldMessages } from './held-messages.ts'
import { HeldPost } from './held-post.ts'
import { LinkLease } from './link-lease.ts'
import { LinkQueue } from './link-queue.ts'
import { offers, parseFrame, refuse } from './link-requests.ts'
import { connectionOf, isOpen, LinkSockets } from './link-sockets.ts'
import type {
  BridgeLinkEnv,
  CredentialChange,
  Ended,
  Held,
  HoldError,
  Issued,
  LinkError,
  LinkStatus,
} from './link-types.ts'
import { type BridgeSaid, PendingAnswers } from './pending-answers.ts'

const CREDENTIALS_TIMEOUT_MS = 5_000
/** A `published` frame names at most 1,000 ids of 256 characters. */
const MAX_UP_FRAME_CHARACTERS = 512 * 1024

/**
 * The way back to the devices of one broker: keeps messages in order until the broker has them, and holds the link of
 * the one bridge that brings them there. Others stand by, and the one that has waited longest is given the link when the
 * active one goes or falls silent. No journal: what was delivered is nobody's history.
 */
export class BridgeLink extends DurableObject<BridgeLinkEnv> {
  readonly #logger = new Logger({ service: 'bridge_link', now: () => this.now() })
  readonly #name = this.ctx.id.name ?? 'default'
  readonly #storage = durableObjectStorage(this.ctx.storage, () => this.now())
  readonly #queue = new LinkQueue(this.#storage)
  readonly #sockets = new LinkSockets(this.ctx, () => this.now(), this.#logger)
  readonly #socketCount = new SocketCount(this.ctx.storage.kv)
  readonly #pending = new PendingAnswers()
  readonly #book = new CredentialBook(this.#storage)
  readonly #credentials = new CredentialPost({
    book: this.#book,
    key: this.env.LINK_KEY,
    now: () => this.now(),
    tell: async (asked) => {
      // What was just written down is looked after even if this object ends before the answer.
      await this.#rearm()
      return this.#tell(asked)
    },
  })
  readonly #held = new HeldMessages(this.#storage)
  readonly #heldPost = new HeldPost({
    held: this.#held,
    take: (deviceId, messages) => {
      const twin = this.env.DEVICE_TWIN.getByName(deviceId) as DurableObjectStub & DeviceTwinApi
      return twin.take(this.#name, messages)
    },
    now: () => this.now(),
    logger: this.#logger,
  })
  readonly #lease = new LinkLease({
    sockets: this.#sockets,
    queue: this.#queue,
    name: this.#name,
    now: () => this.now(),
    onGiven: (generation) => this.#given(generation),
    onTaken: (generation) => this.#pending.gone(generation),
  })
  /** Sockets whose end was told. */
  readonly #gone = new WeakSet<WebSocket>()

  constructor(ctx: DurableObjectState, env: BridgeLinkEnv) {
    super(ctx, env)
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair('ping', 'pong'))
    // Sockets that went while the object was not there told nobody.
    const lost =
      this.#queue.generation === 0 ? 0 : this.#socketCount.loseAllBut(this.#sockets.open().length)
    if (lost > 0) this.#line().count('websocket_connections', label, -lost).end('link.lost')
  }

  /** Keeps messages for devices, in order, until the broker has them; one with a known id is not kept again. */
  enqueue(messages: Downlink[]): void {
    const now = this.now()
    const added = this.#queue.enqueue(messages, now)
    if (this.#sockets.active() === undefined) this.#queue.tidy(now)
    else this.#pump()
    this.#line().end('link.enqueue', { messages: messages.length, added })
  }

  /** See `BridgeLinkApi.hold`. */
  async hold(deviceId: string, messages: DeviceMessage[]): Promise<Result<Held, HoldError>> {
    const held = await this.#heldPost.hold(deviceId, messages)
    await this.#rearm()
    const waiting = this.#held.count(deviceId)
    const state = held.ok ? (held.value.isTaken ? 'taken' : 'held') : held.error.code
    this.#line()
      .raise('warn')
      .end('link.held', { deviceId, messages: messages.length, waiting, state })
    return held
  }

  /** See `BridgeLinkApi.issueCredentials`. The password is kept sealed, and no longer than until the broker has it. */
  async issueCredentials(change: CredentialChange): Promise<Result<Issued, LinkError>> {
    const issued = await this.#credentials.issue(change)
    await this.#rearm()
    const { deviceId, username } = change
    const state = issued.ok ? issued.value : issued.error.code
    this.#line().end('link.credentials', { deviceId, username, state })
    return issued
  }

  /** See `BridgeLinkApi.endCredentials`. */
  async endCredentials(deviceId: string, usernames: string[]): Promise<Ended> {
    const state = await this.#credentials.end(deviceId, usernames)
    await this.#rearm()
    this.#line().end('link.credentials', { deviceId, ended: usernames, state })
    return state
  }

  credentialStates(deviceId: string): Record<string, 'waiting' | 'dropped'> {
    this.#book.giveUp(this.now())
    return this.#book.states(deviceId)
  }

  status(): LinkStatus {
    const { queued, generation } = this.#queue
    return {
      connected: this.#sockets.active() !== undefined,
      standby: this.#sockets.standby().length,
      queued,
      held: this.#held.count(),
      generation,
    }
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
    const instance = new URL(request.url).searchParams.get('instance') ?? newId()
    const { generation, active } = this.#lease.join(server, instance, expiresAt)
    this.#socketCount.add(1)
    await this.#rearm()
    this.#line()
      .count('websocket_connections', label)
      .end('link.connected', { link: this.#name, generation, active })
    return new Response(null, {
      status: 101,
      webSocket: client,
      headers: offers(request) ? { 'sec-websocket-protocol': subprotocol } : {},
    })
  }

  override webSocketMessage(ws: WebSocket, message: string | ArrayBuffer): void {
    if (!isOpen(ws)) return
    if (typeof message !== 'string') this.#lease.end(ws, closeCodes.unsupportedData, 'text only')
    else if (message.length > MAX_UP_FRAME_CHARACTERS)
      this.#lease.end(ws, closeCodes.tooLarge, 'frame too large')
    else if (message === 'ping') ws.send('pong')
    else this.#heard(ws, parseFrame(message))
    this.#sockets.heard(ws)
    if (!isOpen(ws)) this.#lease.promote()
  }

  override webSocketClose(ws: WebSocket, code: number, reason: string): void {
    // The close is answered here: workerd would leave the bridge at 1006.
    this.#lease.end(ws, code === 1005 || code === 1006 ? 1000 : code, reason)
    this.#forget(ws)
    this.#lease.promote()
  }

  override webSocketError(ws: WebSocket, error: unknown): void {
    this.#logger.warn('fault', { object: 'BridgeLink', where: 'socket', error })
    this.#lease.end(ws, 1000, '')
    this.#forget(ws)
    this.#lease.promote()
  }

  /**
   * Closes sockets whose token has ended: a bridge comes with a fresh one before that. Takes the link from who is silent
   * while somebody stands by, and tells the broker what is due.
   */
  override async alarm(): Promise<void> {
    const now = this.now()
    for (const ws of this.#sockets.open())
      if (connectionOf(ws).expiresAt <= now)
        this.#lease.end(ws, closeCodes.tokenEnded, 'token ended')
    if (this.#sockets.standby().length > 0) this.#lease.endSilent()
    this.#lease.promote()
    // Not waited for: a twin may take long, and who falls silent meanwhile must be found out.
    this.ctx.waitUntil(this.#heldPost.flush().then(() => this.#rearm()))
    await this.#credentials.flush().finally(() => this.#rearm())
  }

  /** Milliseconds since the epoch. */
  protected now(): number {
    return clockOf(this.env).now()
  }

  #heard(ws: WebSocket, frame: BridgeUpFrame | undefined): void {
    switch (frame?.type) {
      case undefined:
        this.#lease.end(ws, closeCodes.policyViolation, 'malformed frame')
        return
      case 'published': {
        // Who stands by has nothing at the broker: what it says must not make the link forget a message.
        if (connectionOf(ws).generation === 0) return
        const published = this.#queue.published(frame.data.ids, this.now())
        this.#pump()
        this.#line().end('link.published', { published })
        return
      }
      case 'credentials.done': {
        const { ok: done, detail } = frame.data
        this.#pending.answered(frame.id, connectionOf(ws).generation, {
          ok: done,
          ...(detail === undefined ? {} : { detail }),
        })
        return
      }
    }
  }

  /** Sends what waits and has not been sent on this socket, as far as the bridge may hold more. */
  #pump(): void {
    const ws = this.#sockets.active()
    if (ws === undefined) return
    const connection = connectionOf(ws)
    let { sentThrough } = connection
    for (;;) {
      const frame = this.#queue.next(sentThrough, this.now())
      if (frame === undefined) break
      if (!this.#sockets.send(ws, { type: 'publish', data: { messages: frame.messages } })) return
      sentThrough = frame.through
    }
    if (sentThrough !== connection.sentThrough) this.#sockets.change(ws, { sentThrough })
  }

  /** A bridge has the link now: it gets what waits. */
  #given(generation: number): void {
    this.#pump()
    this.#book.tryAll(this.now())
    this.ctx.waitUntil(this.#credentials.flush().then(() => this.#rearm()))
    this.#line().end('link.given', { generation })
  }

  #tell(asked: {
    deviceId: string
    username: string
    password: string | null
  }): Promise<BridgeSaid> {
    const ws = this.#sockets.active()
    if (ws === undefined) return Promise.resolve('gone')
    const id = newId()
    const { generation } = connectionOf(ws)
    const answer = this.#pending.wait(id, generation, CREDENTIALS_TIMEOUT_MS)
    if (!this.#sockets.send(ws, { type: 'credentials.set', id, data: asked }))
      this.#pending.gone(generation)
    return answer
  }

  #forget(ws: WebSocket): void {
    if (this.#gone.has(ws)) return
    this.#gone.add(ws)
    this.#socketCount.add(-1)
    const { generation } = connectionOf(ws)
    this.#line().count('websocket_connections', label, -1).end('link.closed', { generation })
  }

  async #rearm(): Promise<void> {
    const times = this.#sockets.times()
    const owed = this.#book.nextAt(this.#sockets.active() !== undefined)
    if (owed !== undefined) times.push(owed)
    const held = this.#heldPost.nextAt()
    if (held !== undefined) times.push(held)
    if (times.length > 0) await this.#storage.setAlarm(Math.min(...times))
  }

  #line(): Line {
    return new Line(this.#logger, { object: 'BridgeLink' })
  }
}

const label = { service: 'devices' }

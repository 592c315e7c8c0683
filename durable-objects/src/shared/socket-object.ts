import { DurableObject } from 'cloudflare:workers'
import type { SocketOwner } from '@menagerie/contracts'
import {
  AppError,
  clockOf,
  type JsonValue,
  newId,
  type Principal,
  problemResponse,
} from '@menagerie/core'
import {
  type ClientFrame,
  type FiredTimer,
  Journal,
  type JournalOptions,
  type SocketOptions,
} from '../journal/index.ts'
import type { UserSessions } from '../user-sessions/index.ts'
import type { ObjectLog } from './object-log.ts'
import { SocketCount } from './socket-count.ts'

/** What every object with sockets is given. */
export interface SocketObjectEnv {
  USER_SESSIONS: DurableObjectNamespace<UserSessions>
  BOOT_ID: string
  CLOCK_OFFSET_MS?: string
}

/** What a frame is answered with; nothing where its answer came by itself. */
export type FrameAnswer = Awaited<ReturnType<SocketOptions<unknown>['command']>>

/**
 * An object with a journal and sockets: the platform's handlers, the registration of sockets with their sessions, and
 * the count of sockets that a crash takes without a word. A class says what it shows, what it answers, and what its
 * timers mean.
 *
 * @example
 * constructor(ctx, env) {
 *   super(ctx, env)
 *   this.begin({ kind: 'calls', destinations, schema })
 * }
 */
export abstract class SocketObject<Env extends SocketObjectEnv, State> extends DurableObject<Env> {
  /** The class that sockets are registered under. */
  protected abstract readonly class: SocketOwner['class']
  /** First word of its log lines. */
  protected abstract readonly noun: string
  protected abstract readonly log: ObjectLog
  readonly #socketCount: SocketCount
  #journal: Journal<State> | undefined

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env)
    this.#socketCount = new SocketCount(ctx.storage.kv)
  }

  /** The history of the object. */
  protected get journal(): Journal<State> {
    if (this.#journal === undefined) throw new Error('The object has not begun')
    return this.#journal
  }

  /** What `welcome` shows. */
  protected abstract snapshot(state: State, principal: Principal): JsonValue
  /** True once the object has ended: sockets get what they missed, then close 4410. */
  protected abstract hasEnded(state: State): boolean
  /** Answers a frame of a client. */
  protected abstract command(
    principal: Principal,
    frame: ClientFrame,
    connectionId: string,
  ): FrameAnswer | Promise<FrameAnswer>
  /** A named timer fired. */
  protected abstract ring(timer: FiredTimer): void | Promise<void>

  /** A socket is there. */
  protected opened(_principal: Principal, _connectionId: string): void {}
  /** A socket is gone for good. */
  protected closed(_principal: Principal, _connectionId: string): void {}
  /** The object is back in memory: sockets that went meanwhile told nobody. */
  protected returned(): void {}

  /** Makes the journal; the last thing a constructor does. */
  protected begin(
    options: Omit<JournalOptions<State>, 'now' | 'bootId' | 'observe' | 'sockets'>,
  ): void {
    this.#journal = new Journal<State>(this.ctx, {
      ...options,
      now: () => this.now(),
      bootId: this.env.BOOT_ID,
      observe: (what) => {
        this.log.observe(what)
        if (what.type === 'socket') this.#socketCount.add(what.change)
      },
      sockets: {
        snapshot: (state, principal) => this.snapshot(state, principal),
        ended: (state) => this.hasEnded(state),
        admit: ({ id, sessionId, issuedAt }) =>
          this.env.USER_SESSIONS.getByName(id).registerSocket(
            sessionId,
            this.#asOwner(),
            issuedAt / 1000,
          ),
        command: async (principal, frame, connectionId) =>
          this.command(principal, frame, connectionId),
        opened: (principal, connectionId) => this.opened(principal, connectionId),
        closed: (principal, connectionId) => {
          this.closed(principal, connectionId)
          this.#unregister(principal)
        },
      },
    })
    if (!this.#journal.exists) return
    try {
      const lost = this.#socketCount.loseAllBut(this.#journal.sockets.count)
      if (lost > 0) this.log.sockets(-lost)
      this.returned()
    } catch (error) {
      // A full disk must not keep the object from being read.
      this.log.observe({ type: 'fault', where: 'presence', error })
    }
  }

  /** Closes the sockets of a session that was revoked; returns how many there were. */
  closeSession(sessionId: string, context: { requestId?: string; traceparent?: string } = {}) {
    const closed = this.journal.sockets.closeSession(sessionId)
    this.log.end(`${this.noun}.session-closed`, closed > 0, { sockets: closed, ...context })
    return closed
  }

  /** The upgrade of `GET …/ws`, with a ticket. */
  override async fetch(request: Request): Promise<Response> {
    try {
      return await this.journal.sockets.upgrade(request)
    } catch (error) {
      this.log.observe({ type: 'fault', where: 'upgrade', error })
      const away = new AppError('unavailable', 'The session cannot be checked now')
      const requestId = request.headers.get('x-request-id') ?? newId()
      return problemResponse(away, new URL(request.url).pathname, requestId)
    } finally {
      this.log.end(`${this.noun}.socket`, false)
    }
  }

  override async webSocketMessage(ws: WebSocket, message: string | ArrayBuffer): Promise<void> {
    await this.journal.sockets.message(ws, message)
    this.log.end(`${this.noun}.frame`, false)
  }

  override webSocketClose(ws: WebSocket, code: number, reason: string): void {
    this.journal.sockets.close(ws, code, reason)
    this.log.end(`${this.noun}.socket`, false)
  }

  override webSocketError(ws: WebSocket, error: unknown): void {
    this.journal.sockets.failed(ws, error)
    this.log.end(`${this.noun}.socket`, false)
  }

  override async alarm(): Promise<void> {
    await this.journal.alarm((timer) => this.ring(timer))
    this.log.end(`${this.noun}.alarm`, false)
  }

  /** Milliseconds since the epoch. */
  protected now(): number {
    return clockOf(this.env).now()
  }

  /** Whether a socket of that account is open. */
  protected isHere(userId: string): boolean {
    return this.journal.sockets.principals.some(({ id }) => id === userId)
  }

  #unregister({ id, sessionId }: Principal): void {
    if (this.journal.sockets.principals.some((other) => other.sessionId === sessionId)) return
    const told = this.env.USER_SESSIONS.getByName(id).unregisterSocket(sessionId, this.#asOwner())
    // Not told, the session only keeps a reference that leads to nothing.
    this.ctx.waitUntil(
      Promise.resolve(told).catch((error: unknown) =>
        this.log.observe({ type: 'fault', where: 'unregister socket', error }),
      ),
    )
  }

  #asOwner(): SocketOwner {
    return { class: this.class, name: this.journal.name }
  }
}

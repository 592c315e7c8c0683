import { closeCodes, MAX_FRAME_BYTES, ReauthFrameData, ResumeFrameData } from '@menagerie/contracts'
import type { JsonObject } from '@menagerie/core'
import { Turns } from '../turns.ts'
import type { ClientFrame } from '../types.ts'
import { fitsAttachment, type LiveConnection } from './connection.ts'
import type { Connections } from './connections.ts'
import type { EventFeed } from './event-feed.ts'
import { takeToken } from './flood.ts'
import { parseFrame } from './frames.ts'
import type { SocketHost } from './host.ts'
import { redeemTicket } from './tickets.ts'

const MAX_MALFORMED = 3

/** What clients say: limits first, then `resume` and `reauth`, all else is the object's command. */
export class ClientFrames {
  readonly #connections: Connections
  readonly #feed: EventFeed
  readonly #host: SocketHost
  readonly #turns: Turns

  constructor(connections: Connections, feed: EventFeed, host: SocketHost) {
    this.#connections = connections
    this.#feed = feed
    this.#host = host
    this.#turns = new Turns(host.settled)
  }

  /** Takes a frame; in a crowd it shares its commit with others. */
  message(ws: WebSocket, data: string | ArrayBuffer): Promise<void> {
    return this.#turns.run(() => this.#take(ws, data))
  }

  /** Does what waits for a commit now: its socket closes. */
  catchUp(): void {
    this.#turns.catchUp()
  }

  async #take(ws: WebSocket, data: string | ArrayBuffer): Promise<void> {
    // Its session may have been revoked while it waited. What a client says before it closes counts.
    if (this.#connections.isShut(ws)) return
    const now = this.#host.now()
    const connection = this.#connections.of(ws)
    const shut = (code: number, reason: string) => this.#connections.shut(ws, code, reason)
    if (connection.principal.expiresAt <= now) return shut(closeCodes.tokenEnded, 'token ended')
    if (typeof data !== 'string') return shut(closeCodes.unsupportedData, 'text only')
    // A character is at most three bytes of UTF-8: most frames need no count.
    if (data.length * 3 > MAX_FRAME_BYTES && Buffer.byteLength(data) > MAX_FRAME_BYTES)
      return shut(closeCodes.tooLarge, 'frame too large')
    const bucket = takeToken(connection.bucket, now)
    if (bucket === undefined) return shut(closeCodes.policyViolation, 'flood')
    connection.bucket = bucket
    if (data === 'ping') return this.#connections.sendText(ws, 'pong')
    const frame = parseFrame(data)
    if (frame.ok) return this.#handle(ws, connection, frame.value)
    this.#connections.send(ws, { type: 'error', data: frame.error })
    connection.malformed += 1
    this.#connections.save(ws, connection)
    if (connection.malformed >= MAX_MALFORMED) shut(closeCodes.policyViolation, 'malformed frames')
  }

  async #handle(ws: WebSocket, connection: LiveConnection, frame: ClientFrame): Promise<void> {
    try {
      if (frame.type === 'resume') return this.#resume(ws, connection, frame)
      if (frame.type === 'reauth') return await this.#reauth(ws, connection, frame)
      const { principal, id, traceparent } = connection
      const traced = traceparent === undefined ? frame : { ...frame, traceparent }
      const answer = await this.#host.options?.command(principal, traced, id)
      if (answer === undefined) return
      const { type, ...data } = answer
      this.#answer(ws, frame, type, data)
    } catch (error) {
      this.#host.observe({ type: 'fault', where: `frame ${frame.type}`, error })
      this.#refuse(ws, frame, 'internal_error', 'Something went wrong here')
    }
  }

  #resume(ws: WebSocket, connection: LiveConnection, frame: ClientFrame): void {
    const asked = ResumeFrameData.safeParse(frame.data)
    if (asked.success) this.#feed.welcome(ws, connection, asked.data.lastSeq)
    else this.#refuse(ws, frame, 'validation_failed', 'resume needs {lastSeq}')
  }

  /** Another token for the same account: the socket lives as long as that one. */
  async #reauth(ws: WebSocket, connection: LiveConnection, frame: ClientFrame): Promise<void> {
    const { exec, now, options, head } = this.#host
    const asked = ReauthFrameData.safeParse(frame.data)
    if (!asked.success) return this.#refuse(ws, frame, 'validation_failed', 'reauth needs {ticket}')
    const principal = redeemTicket(exec, asked.data.ticket, now())
    if (principal === undefined)
      return this.#refuse(ws, frame, 'invalid_ticket', 'The ticket is unknown, used or late')
    if (principal.id !== connection.principal.id || !fitsAttachment(principal))
      return this.#refuse(ws, frame, 'forbidden', 'A socket stays with who opened it')
    if (!(await options?.admit(principal)))
      return this.#refuse(ws, frame, 'unauthorized', 'The session has ended')
    connection.principal = principal
    this.#connections.save(ws, connection)
    this.#connections.endsChanged()
    this.#answer(ws, frame, 'ack', { seq: head() })
  }

  #answer(ws: WebSocket, frame: ClientFrame, type: 'ack' | 'error', data: JsonObject): void {
    const answered = frame.id === undefined ? data : { id: frame.id, ...data }
    this.#connections.send(ws, { type, data: answered })
  }

  #refuse(ws: WebSocket, frame: ClientFrame, code: string, detail: string): void {
    this.#answer(ws, frame, 'error', { code, detail })
  }
}

import { closeCodes } from '@menagerie/contracts'
import {
  type Connection,
  type LiveConnection,
  loadConnection,
  saveConnection,
} from './connection.ts'
import { fullBucket } from './flood.ts'
import type { ServerFrame, SocketHost } from './host.ts'

const MAX_BUFFERED_BYTES = 1024 * 1024
const OPEN = 1

const connectionTag = (connectionId: string): string => `c:${connectionId}`

/** The open sockets with what is known of each; attachments are the truth, memory a cache of them. */
export class Connections {
  readonly #ctx: DurableObjectState
  readonly #host: SocketHost
  readonly #known = new WeakMap<WebSocket, LiveConnection>()
  /** Sockets whose cursor has moved since their attachment was written. */
  readonly #moved = new Set<WebSocket>()
  #earliestEnd: { at: number | undefined } | undefined

  constructor(ctx: DurableObjectState, host: SocketHost) {
    this.#ctx = ctx
    this.#host = host
  }

  /** Hands a socket to the platform, which keeps it while the object sleeps. */
  accept(ws: WebSocket, opened: Omit<Connection, 'malformed'>): LiveConnection {
    const connection: LiveConnection = {
      ...opened,
      malformed: 0,
      bucket: fullBucket(this.#host.now()),
      catchingUp: true,
      stalls: 0,
    }
    this.#ctx.acceptWebSocket(ws, [connectionTag(opened.id)])
    this.#known.set(ws, connection)
    this.save(ws, connection)
    return connection
  }

  open(): WebSocket[] {
    return this.#ctx.getWebSockets().filter((ws) => ws.readyState === OPEN)
  }

  find(connectionId: string): WebSocket | undefined {
    return this.#ctx.getWebSockets(connectionTag(connectionId)).find((ws) => ws.readyState === OPEN)
  }

  of(ws: WebSocket): LiveConnection {
    const known = this.#known.get(ws)
    if (known !== undefined) return known
    const loaded = loadConnection(ws, this.#host.now())
    this.#known.set(ws, loaded)
    return loaded
  }

  save(ws: WebSocket, connection: Connection): void {
    this.#moved.delete(ws)
    saveConnection(ws, connection)
  }

  /**
   * A socket's cursor has moved. Writing an attachment costs half of what a send does, so it is written by `keepMoved` once
   * the object is quiet: until then a timer keeps it in memory, and what takes it from there takes the sockets too.
   */
  moved(ws: WebSocket): void {
    this.#moved.add(ws)
  }

  /** Writes the attachments of the sockets that moved. */
  keepMoved(): void {
    for (const ws of this.#moved) if (ws.readyState === OPEN) saveConnection(ws, this.of(ws))
    this.#moved.clear()
  }

  /**
   * Sends text. A socket that went meanwhile, or does not read (1013), is not an error: its client resumes. Nothing
   * goes to one whose token has ended (4401), however late the alarm that closes it.
   *
   * @param now the clock, where one look at it serves many sends
   */
  sendText(ws: WebSocket, text: string, now = this.#host.now()): void {
    if (ws.readyState !== OPEN) return
    if (this.of(ws).principal.expiresAt <= now) this.shut(ws, closeCodes.tokenEnded, 'token ended')
    else if (ws.bufferedAmount > MAX_BUFFERED_BYTES)
      this.shut(ws, closeCodes.slowConsumer, 'slow consumer')
    else ws.send(text)
  }

  send(ws: WebSocket, frame: ServerFrame): void {
    this.sendText(ws, JSON.stringify(frame))
  }

  shut(ws: WebSocket, code: number, reason: string): void {
    this.#earliestEnd = undefined
    try {
      const connection = this.of(ws)
      connection.shut = true
      this.save(ws, connection)
      ws.close(code, reason)
    } catch (error) {
      this.#host.observe({ type: 'fault', where: 'socket close', error })
    }
  }

  /** Whether this side has closed it; one that the client closed is not meant. */
  isShut(ws: WebSocket): boolean {
    return this.of(ws).shut === true
  }

  /** Sockets came, went, or got another token. */
  endsChanged(): void {
    this.#earliestEnd = undefined
    this.#host.dueChanged()
  }

  /** When the first token ends, milliseconds since the epoch. */
  earliestEnd(): number | undefined {
    if (this.#earliestEnd === undefined) {
      const ends = this.open().map((ws) => this.of(ws).principal.expiresAt)
      this.#earliestEnd = { at: ends.length === 0 ? undefined : Math.min(...ends) }
    }
    return this.#earliestEnd.at
  }
}

import { BridgeDownFrame, type BridgeUpFrame } from '@menagerie/contracts'
import type { Logger } from '@menagerie/core/logger'
import WebSocket from 'ws'
import { backoffMs } from '../backoff.ts'
import type { TokenSource } from '../edge/token-source.ts'
import { parseJson } from '../parse-json.ts'
import { Trouble } from '../trouble.ts'

const PROTOCOL = 'menagerie.v1'
const PING_MS = 20_000
const OPEN_TIMEOUT_MS = 10_000
const MOST_BACKOFF_MS = 5_000
/** Another bridge has taken the link; taking it back at once would make the two fight. */
const SUPERSEDED_PAUSE_MS = 10_000
const SUPERSEDED = 4409
const TOKEN_ENDED = 4401
/** Frames with confirmations hold so many at most. */
const MOST_IDS = 1_000
const STEADY_MS = 5_000

export interface EdgeSocketOptions {
  edgeUrl: string
  link: string
  tokens: TokenSource
  onFrame(frame: BridgeDownFrame): void
  logger: Logger
}

/** The one socket by which the edge reaches the broker; opened again whenever it ends. */
export class EdgeSocket {
  readonly #options: EdgeSocketOptions
  readonly #trouble: Trouble
  #socket: WebSocket | undefined
  #open = false
  #stopped = false
  #attempt = 0
  #openedAt = Number.POSITIVE_INFINITY
  #timer: NodeJS.Timeout | undefined
  #ping: NodeJS.Timeout | undefined
  #confirmed: string[] = []

  constructor(options: EdgeSocketOptions) {
    this.#options = options
    this.#trouble = new Trouble(options.logger, 'the downlink could not be opened')
  }

  /** The edge has said `welcome`. */
  get isOpen(): boolean {
    return this.#open
  }

  start(): void {
    void this.#connect().catch((error: unknown) => {
      this.#trouble.tell(error instanceof Error ? error.message : String(error))
      this.#again(undefined)
    })
  }

  /** Tells the edge that the broker has a message; those of one turn of the event loop go together. */
  confirm(id: string): void {
    this.#confirmed.push(id)
    if (this.#confirmed.length === 1) setImmediate(() => this.#sendConfirmed())
  }

  /** Drops the frame where the socket is closed: the edge then asks again on the next. */
  send(frame: BridgeUpFrame): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(frame))
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
    clearTimeout(this.#ping)
    this.#sendConfirmed()
    const socket = this.#socket
    socket?.close(1000)
    // A peer that does not answer the close must not hold the process.
    setTimeout(() => socket?.terminate(), 500).unref()
  }

  #sendConfirmed(): void {
    const all = this.#confirmed
    this.#confirmed = []
    for (let from = 0; from < all.length; from += MOST_IDS) {
      this.send({ type: 'published', data: { ids: all.slice(from, from + MOST_IDS) } })
    }
  }

  async #connect(): Promise<void> {
    const { edgeUrl, link, tokens, logger } = this.#options
    const token = await tokens.get()
    if (this.#stopped) return
    const url = `${edgeUrl.replace(/^http/, 'ws')}/devices/bridge/ws?link=${link}`
    const socket = new WebSocket(url, PROTOCOL, {
      headers: { authorization: `Bearer ${token}` },
      handshakeTimeout: OPEN_TIMEOUT_MS,
    })
    this.#socket = socket
    let refused: string | undefined
    socket.on('unexpected-response', (request, { statusCode }) => {
      refused = `status ${statusCode}`
      if (statusCode === 401) tokens.refused(token)
      request.destroy()
      socket.terminate()
    })
    socket.on('error', ({ message }) => {
      refused ??= message
    })
    socket.on('message', (data, isBinary) => this.#message(socket, String(data), isBinary))
    socket.on('close', (code) => {
      if (socket !== this.#socket) return
      if (code === TOKEN_ENDED) tokens.refused(token)
      if (this.#stopped) return
      if (this.#open) logger.warn('the downlink has ended', { closeCode: code })
      else this.#trouble.tell(refused ?? `closed with ${code}`)
      this.#again(code)
    })
    socket.on('open', () => this.#watch(socket))
  }

  #message(socket: WebSocket, text: string, isBinary: boolean): void {
    this.#watch(socket)
    if (text === 'pong' && !isBinary) return
    const { data: frame, error } = BridgeDownFrame.safeParse(isBinary ? undefined : parseJson(text))
    if (frame === undefined) {
      this.#options.logger.error('the edge sent a frame that is not understood', { error })
      return
    }
    if (frame.type === 'welcome') {
      this.#open = true
      this.#trouble.over()
      this.#openedAt = performance.now()
      this.#options.logger.info('the downlink is open', { generation: frame.data.generation })
    }
    this.#options.onFrame(frame)
  }

  /** Asks after 20 s of silence, and gives the socket up after 20 more. */
  #watch(socket: WebSocket): void {
    clearTimeout(this.#ping)
    this.#ping = setTimeout(() => {
      if (socket.readyState === WebSocket.OPEN) socket.send('ping')
      this.#ping = setTimeout(() => socket.terminate(), PING_MS)
    }, PING_MS)
  }

  #again(code: number | undefined): void {
    clearTimeout(this.#ping)
    this.#socket = undefined
    this.#open = false
    if (this.#stopped) return
    const steady = performance.now() - this.#openedAt > STEADY_MS
    this.#openedAt = Number.POSITIVE_INFINITY
    this.#attempt = steady || code === TOKEN_ENDED ? 0 : this.#attempt + 1
    const wait =
      code === SUPERSEDED
        ? SUPERSEDED_PAUSE_MS * (1 + Math.random())
        : backoffMs(this.#attempt, MOST_BACKOFF_MS, Math.random(), 100)
    this.#timer = setTimeout(() => this.start(), wait)
  }
}

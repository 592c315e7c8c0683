import { BridgeDownFrame, type BridgeUpFrame } from '@menagerie/contracts'
import type { Logger } from '@menagerie/core/logger'
import WebSocket from 'ws'
import { backoffMs } from '../backoff.ts'
import type { TokenSource } from '../edge/token-source.ts'
import { messageOf } from '../message-of.ts'
import { parseJson } from '../parse-json.ts'
import { Trouble } from '../trouble.ts'

const PROTOCOL = 'menagerie.v1'
const PING_MS = 5_000
/** Two pings without an answer: found out before the edge, after 15 s, gives the link to a bridge that stands by. */
const SILENCE_MS = 9_000
const OPEN_TIMEOUT_MS = 10_000
const MOST_BACKOFF_MS = 5_000
const TOKEN_ENDED = 4401
/** Before the next try to replace a socket whose token ends soon. */
const LEAST_RENEWAL_MS = 5_000
/** Frames with confirmations hold so many at most. */
const MOST_IDS = 1_000
const STEADY_MS = 5_000

export interface EdgeSocketOptions {
  edgeUrl: string
  link: string
  /** Names this process. */
  instance: string
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
  #renewal: NodeJS.Timeout | undefined
  /** Opens in the place of `#socket`, whose token ends soon. */
  #next: WebSocket | undefined
  #heardAt = 0
  #confirmed: string[] = []

  constructor(options: EdgeSocketOptions) {
    this.#options = options
    this.#trouble = new Trouble(options.logger, 'the downlink could not be opened')
  }

  /** The edge has said `welcome`. */
  get isOpen(): boolean {
    return this.#open
  }

  /** The edge was heard so lately that it cannot have given the link to a bridge that stands by. */
  get isSure(): boolean {
    return this.#open && performance.now() - this.#heardAt < SILENCE_MS
  }

  start(): void {
    void this.#connect().catch((error: unknown) => {
      this.#trouble.tell(messageOf(error))
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
    clearTimeout(this.#renewal)
    clearInterval(this.#ping)
    this.#sendConfirmed()
    this.#next?.terminate()
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
    const { edgeUrl, link, instance, tokens } = this.#options
    const token = await tokens.get()
    const { freshUntil } = tokens
    if (this.#stopped) return
    const query = new URLSearchParams({ link, instance })
    const url = `${edgeUrl.replace(/^http/, 'ws')}/devices/bridge/ws?${query}`
    const socket = new WebSocket(url, PROTOCOL, {
      headers: { authorization: `Bearer ${token}` },
      handshakeTimeout: OPEN_TIMEOUT_MS,
    })
    if (this.#socket === undefined) this.#socket = socket
    else this.#next = socket
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
    socket.on('message', (data, isBinary) => {
      if (socket === this.#socket) this.#message(String(data), isBinary)
    })
    socket.on('close', (code) => {
      if (socket === this.#next) {
        this.#next = undefined
        // The older one may have ended meanwhile, since the edge had seen this one.
        if (this.#socket?.readyState === WebSocket.OPEN) this.#renewAt(0)
        else this.#again(code)
        return
      }
      if (socket !== this.#socket) return
      if (code === TOKEN_ENDED) tokens.refused(token)
      // What replaces it is on its way.
      if (this.#stopped || this.#next !== undefined) return
      if (this.#open) this.#options.logger.warn('the downlink has ended', { closeCode: code })
      else this.#trouble.tell(refused ?? `closed with ${code}`)
      this.#again(code)
    })
    socket.on('open', () => {
      if (socket === this.#next) this.#next = undefined
      this.#socket = socket
      this.#beat(socket)
      this.#renewAt(freshUntil)
    })
  }

  /** Opens a socket with a fresh token before this one's ends: the link does not change hands for that. */
  #renewAt(time: number): void {
    clearTimeout(this.#renewal)
    const wait = Math.max(LEAST_RENEWAL_MS, time - Date.now())
    this.#renewal = setTimeout(() => {
      void this.#connect().catch(() => this.#renewAt(0))
    }, wait)
  }

  #message(text: string, isBinary: boolean): void {
    this.#heardAt = performance.now()
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
      const { generation, active } = frame.data
      this.#options.logger.info('the downlink is open', { generation, active })
    }
    this.#options.onFrame(frame)
  }

  /** Tells the edge that this process lives, and gives a socket up that says nothing. */
  #beat(socket: WebSocket): void {
    clearInterval(this.#ping)
    this.#heardAt = performance.now()
    this.#ping = setInterval(() => {
      if (performance.now() - this.#heardAt > SILENCE_MS) socket.terminate()
      else if (socket.readyState === WebSocket.OPEN) socket.send('ping')
    }, PING_MS)
  }

  #again(code: number | undefined): void {
    clearInterval(this.#ping)
    clearTimeout(this.#renewal)
    this.#socket = undefined
    this.#open = false
    if (this.#stopped) return
    const steady = performance.now() - this.#openedAt > STEADY_MS
    this.#openedAt = Number.POSITIVE_INFINITY
    this.#attempt = steady || code === TOKEN_ENDED ? 0 : this.#attempt + 1
    const wait = backoffMs(this.#attempt, MOST_BACKOFF_MS, Math.random(), 100)
    this.#timer = setTimeout(() => this.start(), wait)
  }
}

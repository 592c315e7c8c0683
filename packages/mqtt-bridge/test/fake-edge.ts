import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { BridgeAck, BridgeDownFrame, BridgeMessage, BridgeUpFrame } from '@menagerie/contracts'
import { type WebSocket, WebSocketServer } from 'ws'

/** What the next requests with messages meet: an answer, or a connection that ends before or after the messages were stored. */
export type EdgeMode =
  | { type: 'ok'; delayMs?: number }
  | { type: 'status'; status: number }
  | { type: 'cut-before' }
  | { type: 'cut-after' }
  | { type: 'malformed' }

/**
 * The edge as the bridge sees it, in this process: a set of numbered messages for each device, as the twins keep them,
 * and a socket that queues until told that a message was published.
 */
export class FakeEdge {
  mode: EdgeMode = { type: 'ok' }
  /** Messages in the order in which they were first stored. */
  readonly stored: BridgeMessage[] = []
  readonly batches: BridgeMessage[][] = []
  readonly frames: BridgeUpFrame[] = []
  /** Sees a message before the answer is made; a string rejects it, `refuse` makes the whole request 422. */
  judge: (message: BridgeMessage) => 'ok' | 'reject' | 'refuse' = () => 'ok'
  duplicates = 0
  tokensGiven = 0
  refuseTokens = false
  /** Devices whose twins take nothing. */
  readonly failing = new Set<string>()
  /** What was kept of them, since a request named them in `hold`. */
  readonly held: BridgeMessage[] = []
  /** Whether the link has room for that. */
  holds = true
  /** An older edge refuses a request that says `hold`. */
  knowsHold = true
  /** `judge` sees what is left of refused messages too. */
  refusesRecords = false
  /** Requests under way now, and the most at one time. */
  concurrent = 0
  mostConcurrent = 0
  readonly #numbers = new Map<string, Set<number>>()
  readonly #server = createServer((request, response) => void this.#answer(request, response))
  readonly #sockets = new WebSocketServer({ noServer: true })
  /** Of the bridge that has the link. */
  socket: WebSocket | undefined
  /** Sockets of those that stand by, the oldest first. */
  readonly standby: WebSocket[] = []
  generation = 0
  url = ''
  #instance: string | null = null
  /** Devices that may not sign in any more, at a broker that asks. */
  readonly revoked = new Set<string>()

  async listen(): Promise<this> {
    this.#server.on('upgrade', (request, socket, head) => {
      if (request.headers.authorization !== this.#bearer()) {
        socket.end('HTTP/1.1 401 Unauthorized\r\n\r\n')
        return
      }
      this.#sockets.handleUpgrade(request, socket, head, (ws) => {
        this.#welcome(ws, new URL(request.url ?? '', 'http://edge').searchParams.get('instance'))
      })
    })
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
    return this
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets.clients) socket.terminate()
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  /** The link goes to the first bridge; the same process takes its own place, others wait until it is free. */
  #welcome(ws: WebSocket, instance: string | null): void {
    ws.on('message', (data) => {
      if (String(data) === 'ping') ws.send('pong')
      else this.frames.push(JSON.parse(String(data)))
    })
    ws.on('close', () => this.#left(ws))
    const older = this.socket
    const active = older === undefined || instance === this.#instance
    if (active) {
      this.socket = ws
      this.#instance = instance
      this.generation++
      older?.close(4409)
    } else this.standby.push(ws)
    const data = { link: 'default', generation: this.generation, active }
    ws.send(JSON.stringify({ type: 'welcome', data } satisfies BridgeDownFrame))
  }

  #left(ws: WebSocket): void {
    const place = this.standby.indexOf(ws)
    if (place >= 0) this.standby.splice(place, 1)
    if (this.socket !== ws) return
    this.socket = this.standby.shift()
    this.#instance = null
    if (this.socket === undefined) return
    this.send({ type: 'activated', data: { generation: ++this.generation } })
  }

  send(frame: BridgeDownFrame): void {
    this.socket?.send(JSON.stringify(frame))
  }

  /** Ids that the bridge says the broker has. */
  get published(): string[] {
    return this.frames.flatMap((frame) => (frame.type === 'published' ? frame.data.ids : []))
  }

  /** Numbers stored of one device, in the order of their arrival. */
  numbersOf(device: string): number[] {
    return [...(this.#numbers.get(device) ?? [])]
  }

  #bearer(): string {
    return `Bearer token-${this.tokensGiven}`
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const body = Buffer.concat(chunks).toString()
    const path = request.url ?? ''
    if (path.endsWith('/token')) return this.#token(response)
    if (path === '/health/live') return json(response, this.mode.type === 'ok' ? 200 : 503, {})
    if (path === '/metrics') {
      response.writeHead(200, { 'content-type': 'text/plain' })
      response.end(
        '# HELP build_info Always 1.\n# TYPE build_info gauge\nbuild_info{version="1"} 1\n',
      )
      return
    }
    if (path.startsWith('/devices/bridge/auth') || path.startsWith('/devices/bridge/acl')) {
      return this.#broker(path, JSON.parse(body), response)
    }
    if (request.headers.authorization !== this.#bearer()) return json(response, 401, {})
    this.concurrent++
    this.mostConcurrent = Math.max(this.mostConcurrent, this.concurrent)
    await this.#messages(JSON.parse(body), response)
    this.concurrent--
  }

  #token(response: ServerResponse): void {
    if (this.refuseTokens) {
      json(response, 401, { error: 'invalid_client' })
      return
    }
    this.tokensGiven++
    json(response, 200, {
      access_token: `token-${this.tokensGiven}`,
      token_type: 'Bearer',
      expires_in: 900,
      scope: '',
    })
  }

  async #messages(
    batch: { messages: BridgeMessage[]; hold?: string[] },
    response: ServerResponse,
  ): Promise<void> {
    const { mode } = this
    if (mode.type === 'status') return json(response, mode.status, {})
    if (mode.type === 'cut-before') return void response.destroy()
    if (mode.type === 'ok' && mode.delayMs) {
      await new Promise((resolve) => setTimeout(resolve, mode.delayMs))
    }
    // What is left of a message can only be recorded.
    const verdicts = batch.messages.map((message) =>
      message.truncatedBytes === undefined || this.refusesRecords ? this.judge(message) : 'reject',
    )
    if (verdicts.includes('refuse') || (batch.hold !== undefined && !this.knowsHold))
      return json(response, 422, { code: 'validation_failed' })
    this.batches.push(batch.messages)
    const acks = new Map<string, BridgeAck>()
    const results = batch.messages.map((message, index) => {
      if (verdicts[index] === 'reject') {
        this.stored.push(message)
        return { result: 'rejected', code: 'invalid_payload' }
      }
      const device = message.topic.split('/')[2] ?? ''
      if (!this.failing.has(device)) return { result: this.#store(message, acks) }
      if (!this.holds || batch.hold?.includes(device) !== true) return { result: 'retry' }
      this.held.push(message)
      return { result: 'held' }
    })
    if (mode.type === 'cut-after') return void response.destroy()
    if (mode.type === 'malformed') return json(response, 200, { data: { results: [], acks: [] } })
    json(response, 200, { data: { results, acks: [...acks.values()] }, meta: { requestId: 'r' } })
  }

  #store(message: BridgeMessage, acks: Map<string, BridgeAck>): 'stored' | 'duplicate' {
    const deviceId = message.topic.split('/')[2] ?? ''
    const seq = numberIn(message.payload)
    if (seq === undefined) {
      this.stored.push(message)
      return 'stored'
    }
    const numbers = this.#numbers.get(deviceId) ?? new Set()
    this.#numbers.set(deviceId, numbers)
    const known = numbers.has(seq)
    numbers.add(seq)
    if (known) this.duplicates++
    else this.stored.push(message)
    let through = this.#through.get(deviceId) ?? 0
    while (numbers.has(through + 1)) through++
    this.#through.set(deviceId, through)
    acks.set(deviceId, { deviceId, epoch: 1, ackedThrough: through })
    return known ? 'duplicate' : 'stored'
  }
  readonly #through = new Map<string, number>()

  /** A device's password is `password-{id}`. */
  #broker(path: string, body: Record<string, string>, response: ServerResponse): void {
    const { username = '', password, clientid = '', topic = '' } = body
    const device = username.replace(/~2$/, '')
    const allowed = path.endsWith('auth')
      ? password === `password-${username}` &&
        (clientid === device || clientid.startsWith(`${device}-`))
      : [`v1/devices/${device}/`, `$aws/things/${device}/shadow/`].some((tree) =>
          topic.startsWith(tree),
        )
    const result = allowed && !this.revoked.has(username) ? 'allow' : 'deny'
    json(response, 200, { result, is_superuser: false })
  }
}

function numberIn(payload = ''): number | undefined {
  try {
    return (JSON.parse(payload) as { seq?: number }).seq
  } catch {
    return undefined
  }
}

function json(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

import { connect, createServer, type Server, type Socket } from 'node:net'

/**
 * How the network between client and server behaves.
 *
 * - `ok`: as if the proxy were not there
 * - `refuse`: nobody listens (ECONNREFUSED); what was connected is cut
 * - `reset`: every connection, old and new, ends with RST
 * - `blackhole`: connections are taken and nothing passes, in either direction
 * - `dropReply`: what the client says arrives; at the server's first byte the connection ends with RST, so that the
 *   client does not know what became of its request
 * - `delay`: everything passes, `delayMs` later in each direction
 */
export type FaultMode = 'ok' | 'refuse' | 'reset' | 'blackhole' | 'dropReply' | 'delay'

export interface FaultProxy extends AsyncDisposable {
  port: number
  /** The port behind it; new connections go there. */
  target: number
  /** `http://localhost:{port}` */
  url: string
  /** `ws://localhost:{port}` */
  wsUrl: string
  /** Connections that are open now. */
  readonly connections: number
  /** Set it to change the network at once, for open connections too. */
  mode: FaultMode
  /** What `delay` adds, in each direction; 100 unless set. */
  delayMs: number
  /** Ends every open connection with RST; new ones behave as before. */
  reset(): void
  close(): Promise<void>
}

interface Network {
  target: number
  mode: FaultMode
  delayMs: number
}

interface Pair {
  client: Socket
  server: Socket
}

/**
 * A TCP proxy on the loopback interface that can misbehave; carries HTTP, WebSocket and MQTT alike.
 *
 * @param target the port behind it
 * @param port 0, the default, takes a free one
 */
export async function startFaultProxy(target: number, port = 0): Promise<FaultProxy> {
  const pairs = new Set<Pair>()
  const network: Network = { target, mode: 'ok', delayMs: 100 }

  const accept = (client: Socket) => {
    if (network.mode === 'reset') {
      client.resetAndDestroy()
      return
    }
    const server = connect({ port: network.target, host: '127.0.0.1', noDelay: true })
    client.setNoDelay(true)
    const pair = { client, server }
    pairs.add(pair)
    pass(client, server, network)
    pass(server, client, network, () => resetBoth(pair))
    for (const socket of [client, server]) {
      socket.on('error', () => resetBoth(pair))
      socket.on('close', () => pairs.delete(pair))
    }
  }
  const listener = createServer({ allowHalfOpen: true }, accept)
  const bound = await listen(listener, port)

  const reset = () => {
    for (const pair of pairs) resetBoth(pair)
    pairs.clear()
  }
  const close = async () => {
    reset()
    await stopListening(listener)
  }
  return {
    port: bound,
    url: `http://localhost:${bound}`,
    wsUrl: `ws://localhost:${bound}`,
    get connections() {
      return pairs.size
    },
    get target() {
      return network.target
    },
    set target(port) {
      network.target = port
    },
    get mode() {
      return network.mode
    },
    set mode(mode) {
      network.mode = mode
      if (mode === 'reset' || mode === 'refuse') reset()
      if (mode === 'refuse') void stopListening(listener)
      else if (!listener.listening) void listen(listener, bound)
    },
    get delayMs() {
      return network.delayMs
    },
    set delayMs(ms) {
      network.delayMs = ms
    },
    reset,
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** @param onReply what `dropReply` does; only the direction from the server has it */
function pass(from: Socket, to: Socket, network: Network, onReply?: () => void): void {
  // Once something was delayed, what comes later must not overtake it.
  let notBefore = 0
  const later = (act: () => void) => {
    const now = performance.now()
    notBefore = Math.max(notBefore, now + (network.mode === 'delay' ? network.delayMs : 0))
    if (notBefore <= now) act()
    else setTimeout(act, notBefore - now)
  }
  from.on('data', (chunk: Buffer) => {
    const { mode } = network
    if (mode === 'blackhole') return
    if (mode === 'dropReply' && onReply !== undefined) {
      onReply()
      return
    }
    later(() => {
      if (to.destroyed) return
      // A slow reader slows the writer, as it would without a proxy.
      if (!to.write(chunk)) {
        from.pause()
        to.once('drain', () => from.resume())
      }
    })
  })
  from.on('end', () => {
    if (network.mode !== 'blackhole') later(() => to.end())
  })
  // What was said before the end still arrives, late or not: `destroySoon` waits for what was written.
  from.on('close', () => later(() => to.destroySoon()))
}

function resetBoth({ client, server }: Pair): void {
  client.resetAndDestroy()
  server.resetAndDestroy()
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject)
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : port)
    })
  })
}

function stopListening(server: Server): Promise<void> {
  return new Promise((resolve) => {
    if (!server.listening) resolve()
    else server.close(() => resolve())
  })
}

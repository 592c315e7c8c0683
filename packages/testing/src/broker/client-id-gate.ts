import { connect, createServer, type Socket } from 'node:net'
import { type Connect, readConnect } from './read-connect.ts'

/** As long as Mosquitto itself would wait for a CONNECT packet, roughly. */
const PATIENCE_MS = 10_000

export interface ClientIdGate {
  close(): Promise<void>
}

export interface ClientIdGateOptions {
  /** Listened on, on the loopback interface. */
  port: number
  /** The broker's own. */
  target: number
  mayConnect(connect: Connect): boolean
}

/**
 * Stands before a broker that cannot tell whose client id may be whose: Mosquitto 2.0 either takes any, or gives each
 * device one connection. Reads the first packet of a connection, refuses it or passes all on, and is not in the way then.
 */
export async function startClientIdGate(options: ClientIdGateOptions): Promise<ClientIdGate> {
  const sockets = new Set<Socket>()
  const server = createServer({ noDelay: true }, (client) => {
    sockets.add(client)
    client.on('close', () => sockets.delete(client))
    client.on('error', () => client.destroy())
    admit(client, options)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, '127.0.0.1', resolve)
  })
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}

function admit(client: Socket, { target, mayConnect }: ClientIdGateOptions): void {
  let seen = Buffer.alloc(0)
  client.setTimeout(PATIENCE_MS, () => client.destroy())
  const look = (chunk: Buffer) => {
    seen = Buffer.concat([seen, chunk])
    const first = readConnect(seen)
    if (first.type === 'more') return
    client.off('data', look)
    client.setTimeout(0)
    if (first.type === 'malformed') client.destroy()
    else if (!mayConnect(first.connect)) client.end(refusal(first.connect))
    else pass(client, target, seen)
  }
  client.on('data', look)
}

function pass(client: Socket, target: number, seen: Buffer): void {
  client.pause()
  const broker = connect({ port: target, host: '127.0.0.1', noDelay: true })
  broker.on('error', () => client.destroy())
  broker.on('close', () => client.destroySoon())
  client.on('close', () => broker.destroy())
  broker.write(seen)
  client.pipe(broker)
  broker.pipe(client)
}

/** CONNACK "Client Identifier not valid" (MQTT 5 §3.2.2.2) or "identifier rejected" (MQTT 3.1.1 §3.2.2.3). */
const refusal = ({ protocolVersion }: Connect): Buffer =>
  Buffer.from(protocolVersion === 5 ? [0x20, 3, 0, 0x85, 0] : [0x20, 2, 0, 2])

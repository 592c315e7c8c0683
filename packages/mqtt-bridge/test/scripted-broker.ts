import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import mqttPacket, { type IPublishPacket, type Packet } from 'mqtt-packet'

/** A session's message: sent with every connection until it is acknowledged, as a broker does with QoS 1. */
interface Kept {
  messageId: number
  topic: string
  payload: string
  sent: boolean
}

/** A broker for one client, whose every packet a test sees and decides. Speaks MQTT 5 and 3.1.1. */
export class ScriptedBroker {
  /** Identifiers of PUBACK packets by connection, in the order of their arrival. */
  readonly pubacks: number[][] = []
  /** What the client published, in order. */
  readonly published: IPublishPacket[] = []
  readonly subscriptions: string[] = []
  connects = 0
  /** Of the last CONNECT. */
  receiveMaximum: number | undefined
  pings = 0
  sessionPresent = true
  /** Neither publishes nor pings of the client are answered while it is set. */
  silent = false
  subackCode: number | undefined
  #kept: Kept[] = []
  #nextId = 1
  #socket: Socket | undefined
  /** Of the connection by which the bridge publishes. */
  #out: Socket | undefined
  #version: 4 | 5 = 5
  readonly #server: Server = createServer((socket) => this.#accept(socket))
  port = 0

  async listen(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(this.port, '127.0.0.1', resolve))
    this.port = (this.#server.address() as AddressInfo).port
    return this
  }

  async close(): Promise<void> {
    this.cut()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.port}`
  }

  /** PUBACKs of all connections, in order. */
  get acknowledged(): number[] {
    return this.pubacks.flat()
  }

  /** Messages of the session that are not acknowledged. */
  get kept(): number {
    return this.#kept.length
  }

  get isConnected(): boolean {
    return this.#socket !== undefined
  }

  /** Puts messages into the session and sends them when a client is there. */
  deliver(topic: string, payloads: readonly string[]): void {
    for (const payload of payloads) {
      this.#kept.push({ messageId: this.#nextId++, topic, payload, sent: false })
    }
    this.#flush()
  }

  deliverQos0(topic: string, payload: string): void {
    this.#send({ cmd: 'publish', topic, payload, qos: 0, dup: false, retain: false })
  }

  /** Forgets the session, as a broker that lost its data: identifiers begin anew. */
  forget(): void {
    this.#kept = []
    this.#nextId = 1
    this.sessionPresent = false
  }

  /** Ends the connections as a killed broker does. */
  cut(): void {
    this.#socket?.destroy()
    this.#socket = undefined
    this.#out?.destroy()
    this.#out = undefined
  }

  #accept(socket: Socket): void {
    const parser = mqttPacket.parser()
    socket.on('error', () => {})
    socket.on('data', (chunk) => parser.parse(chunk))
    socket.on('close', () => {
      if (this.#socket === socket) this.#socket = undefined
      if (this.#out === socket) this.#out = undefined
    })
    parser.on('packet', (packet) => {
      // The version is known from CONNECT on; PUBACK and others read differently in MQTT 5.
      if (packet.cmd === 'connect') {
        this.#version = packet.protocolVersion === 5 ? 5 : 4
        if (packet.clientId.endsWith('-out')) {
          this.#out = socket
          this.#send(
            { cmd: 'connack', reasonCode: 0, returnCode: 0, sessionPresent: false },
            socket,
          )
          return
        }
        this.#socket = socket
        this.receiveMaximum = packet.properties?.receiveMaximum
        this.#connected()
      } else this.#packet(packet, socket)
    })
  }

  #connected(): void {
    this.connects++
    this.pubacks.push([])
    this.#send({
      cmd: 'connack',
      reasonCode: 0,
      returnCode: 0,
      sessionPresent: this.sessionPresent && this.connects > 1,
    })
    for (const kept of this.#kept) kept.sent = false
    this.#flush(this.connects > 1)
  }

  #packet(packet: Packet, socket: Socket): void {
    switch (packet.cmd) {
      case 'subscribe': {
        const filters = packet.subscriptions.map(({ topic }) => topic)
        this.subscriptions.push(...filters)
        const granted = filters.map(() => this.subackCode ?? 1)
        this.#send({ cmd: 'suback', messageId: packet.messageId ?? 0, granted, reasonCode: 0 })
        return
      }
      case 'puback':
        this.pubacks.at(-1)?.push(packet.messageId ?? 0)
        this.#kept = this.#kept.filter(({ messageId }) => messageId !== packet.messageId)
        return
      case 'publish':
        this.published.push(packet)
        if (packet.qos === 1 && !this.silent) {
          this.#send({ cmd: 'puback', messageId: packet.messageId ?? 0, reasonCode: 0 }, socket)
        }
        return
      case 'pingreq':
        if (socket === this.#socket) this.pings++
        if (!this.silent) this.#send({ cmd: 'pingresp' }, socket)
        return
      case 'disconnect':
        socket.end()
        return
      default:
    }
  }

  #flush(dup = false): void {
    if (this.#socket === undefined) return
    for (const kept of this.#kept) {
      if (kept.sent) continue
      kept.sent = true
      const { topic, payload, messageId } = kept
      this.#send({ cmd: 'publish', topic, payload, messageId, qos: 1, dup, retain: false })
    }
  }

  #send(packet: Packet, socket = this.#socket): void {
    if (socket === undefined || socket.destroyed) return
    mqttPacket.writeToStream(packet, socket, { protocolVersion: this.#version })
  }
}

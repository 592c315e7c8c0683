import mqtt, { type MqttClient } from 'mqtt'

/** How a device signs in to the broker. */
export interface ProofDevice {
  id: string
  password: string
}

export interface SenderOptions {
  url: string
  protocolVersion: 4 | 5
  device: ProofDevice
  messages: number
  /** What lets the device forget a message: the twin's word, or already the broker's. */
  trusts: 'acks' | 'puback'
}

export const STREAM = 'count'
export const EPOCH = 1

/** Messages that the broker has not acknowledged. */
const AT_THE_BROKER = 20
const RESEND_AFTER_MS = 1_500

/** A device that numbers its messages, sends them as fast as the broker takes them and forgets them as it is told to. */
export class Sender {
  readonly #options: SenderOptions
  readonly #client: MqttClient
  readonly #resending: NodeJS.Timeout
  readonly #published = new Set<number>()
  readonly #underWay = new Set<number>()
  #next = 1
  #allowed = 0
  #ackedThrough = 0
  #movedAt = performance.now()

  private constructor(options: SenderOptions, client: MqttClient) {
    this.#options = options
    this.#client = client
    client.on('error', () => {})
    client.on('connect', () => {
      this.#listen()
      this.#resend()
    })
    client.on('message', (_topic, payload) => this.#acked(payload.toString()))
    this.#resending = setInterval(() => {
      if (performance.now() - this.#movedAt > RESEND_AFTER_MS) this.#resend()
    }, RESEND_AFTER_MS)
  }

  static async connect(options: SenderOptions): Promise<Sender> {
    const { url, protocolVersion, device } = options
    // The library keeps what the broker has not acknowledged and sends it again on its next connection.
    const client = await mqtt.connectAsync(url, {
      protocolVersion,
      clientId: device.id,
      username: device.id,
      password: device.password,
      reconnectPeriod: 200,
    })
    const sender = new Sender(options, client)
    sender.#listen()
    return sender
  }

  /** Numbers that the broker has acknowledged at least once. */
  get published(): number {
    return this.#published.size
  }

  /** Numbers that the device holds no longer. */
  get forgotten(): number {
    return this.#options.trusts === 'puback' ? this.#published.size : this.#ackedThrough
  }

  /** Lets it send up to a number. */
  allow(through: number): void {
    this.#allowed = Math.min(through, this.#options.messages)
    this.#pump()
  }

  async stop(): Promise<void> {
    clearInterval(this.#resending)
    await this.#client.endAsync(true)
  }

  #listen(): void {
    if (this.#options.trusts === 'acks')
      this.#client.subscribe(`v1/devices/${this.#options.device.id}/acks`, { qos: 1 }, () => {})
  }

  #pump(): void {
    while (this.#underWay.size < AT_THE_BROKER && this.#next <= this.#allowed)
      this.#send(this.#next++)
  }

  #send(seq: number): void {
    this.#underWay.add(seq)
    this.#client.publish(
      `v1/devices/${this.#options.device.id}/telemetry/${STREAM}`,
      JSON.stringify({ epoch: EPOCH, seq, values: { n: seq } }),
      { qos: 1 },
      (error) => {
        this.#underWay.delete(seq)
        if (!error) this.#published.add(seq)
        this.#pump()
      },
    )
  }

  /** What the twin has not confirmed goes out once more, unless the library still holds it. */
  #resend(): void {
    if (this.#options.trusts === 'puback' || !this.#client.connected) return
    this.#movedAt = performance.now()
    for (let seq = this.#ackedThrough + 1; seq < this.#next; seq++)
      if (!this.#underWay.has(seq)) this.#send(seq)
  }

  #acked(payload: string): void {
    const { epoch, ackedThrough } = JSON.parse(payload) as { epoch: number; ackedThrough: number }
    if (epoch !== EPOCH || ackedThrough <= this.#ackedThrough) return
    this.#ackedThrough = ackedThrough
    this.#movedAt = performance.now()
  }
}

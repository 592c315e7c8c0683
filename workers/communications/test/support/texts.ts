import { exports } from 'cloudflare:workers'
import { twilioSignature } from '../../src/carriers/twilio/signature.ts'
import { ask, type Caller, connect, eventually, testEnv } from './api.ts'
import type { CarrierMessage } from './message-carrier.ts'

const worker = (exports as unknown as { default: Fetcher }).default
let number = 0

/** A phone that no other test has. */
export const aPhone = (): string =>
  `+1${String(2_000_000_000 + (Date.now() % 1_000_000) * 1_000 + number++).slice(0, 10)}`

/** What the carrier took for a number, newest first. */
export async function texts(to: string): Promise<CarrierMessage[]> {
  const response = await fetch(`${testEnv.CARRIER_API_URL}/messages`)
  const { data } = (await response.json()) as { data: CarrierMessage[] }
  return data.filter((message) => message.to === to)
}

/** A webhook of the carrier about a text, signed unless a signature is given. */
export async function textWebhook(
  address: string,
  fields: Record<string, string>,
  signature?: string,
): Promise<{ status: number; text: string }> {
  const form = new URLSearchParams(fields)
  const url = new URL(address, testEnv.PUBLIC_URL).href
  const signed = signature ?? (await twilioSignature(testEnv.CARRIER_AUTH_TOKEN, url, form))
  const response = await worker.fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      'x-twilio-signature': signed,
    },
    body: form.toString(),
  })
  return { status: response.status, text: await response.text() }
}

interface Frame {
  type: string
  seq?: number
  // biome-ignore lint/suspicious/noExplicitAny: tests read whatever members a frame has
  data: any
}

/** A socket of a conversation and what came over it; `batch` frames unpacked. */
export class ThreadLine {
  readonly frames: Frame[] = []
  readonly #socket: WebSocket

  constructor(socket: WebSocket) {
    this.#socket = socket
    socket.addEventListener('message', ({ data }) => {
      const frame = JSON.parse(String(data)) as Frame
      this.frames.push(...(frame.type === 'batch' ? frame.data.events : [frame]))
    })
    socket.accept()
  }

  static async open(caller: Caller, id: string, query = ''): Promise<ThreadLine> {
    const { body } = await ask(caller, 'POST', `/conversations/${id}/ticket`)
    const offered = `menagerie.v1, ticket.${body.data.ticket}`
    const response = await connect(`/conversations/${id}/ws${query}`, {
      'sec-websocket-protocol': offered,
    })
    if (response.webSocket === null) throw new Error(`no socket: ${response.status}`)
    return new ThreadLine(response.webSocket)
  }

  send(type: string, id: string, data: object = {}): void {
    this.#socket.send(JSON.stringify({ type, id, data }))
  }

  close(): void {
    this.#socket.close(1000)
  }

  until(matches: (frame: Frame) => boolean): Promise<Frame> {
    return eventually(() => {
      const found = this.frames.find(matches)
      if (found === undefined) throw new Error('not yet')
      return found
    })
  }

  ack(id: string): Promise<Frame> {
    return this.until(({ type, data }) => (type === 'ack' || type === 'error') && data.id === id)
  }
}

import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type LabOptions, type RunningLab, startLab } from '../src/index.ts'

/** A webhook as the customer got it. */
export interface Received {
  path: string
  form: URLSearchParams
  signature: string
  url: string
}

export const accountSid = 'AC0123456789abcdef0123456789abcdef'
export const authToken = 'a-token-that-only-these-tests-use'

/** A customer of the carrier: places calls over HTTP and takes its webhooks. */
export class Customer {
  readonly received: Received[] = []
  /** What a voice webhook gets. */
  twiml = '<Response><Pause length="60"/></Response>'
  /** What the next voice webhooks get, before that. */
  twimls: string[] = []
  /** Status of the next answers; 200 when it has run out. */
  answers: number[] = []
  readonly #waiting = new Set<() => void>()
  #server: Server | undefined
  url = ''

  /** Takes webhooks on the loopback interface; on the same port again after `close`. */
  async listen(): Promise<this> {
    const server = createServer((request, response) => {
      let body = ''
      request.on('data', (chunk: Buffer) => {
        body += chunk.toString()
      })
      request.on('end', () => {
        const status = this.answers.shift() ?? 200
        const path = request.url ?? ''
        const asks = path.includes('voice') && !path.includes('status')
        response.writeHead(status).end((asks ? this.twimls.shift() : undefined) ?? this.twiml)
        const signature = String(request.headers['x-twilio-signature'])
        if (status === 200)
          this.received.push({
            path,
            form: new URLSearchParams(body),
            signature,
            url: `${this.url}${path}`,
          })
        for (const look of this.#waiting) look()
      })
    })
    this.#server = server
    const port = this.url === '' ? 0 : Number(new URL(this.url).port)
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    return this
  }

  async close(): Promise<void> {
    this.#server?.closeAllConnections()
    await new Promise<void>((resolve) => this.#server?.close(() => resolve()))
  }

  /** Waits until the webhooks so far satisfy the condition. */
  until(condition: (received: Received[]) => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (!condition(this.received)) return
        this.#waiting.delete(look)
        resolve()
      }
      this.#waiting.add(look)
      look()
    })
  }

  /** The statuses told so far, in order. */
  get statuses(): string[] {
    return this.received
      .filter(({ path }) => path.startsWith('/status'))
      .map(({ form }) => form.get('CallStatus') ?? '')
  }

  ask(
    lab: RunningLab,
    path: string,
    form?: Record<string, string>,
    headers: Record<string, string> = {},
  ) {
    return fetch(`${lab.url}/2010-04-01/Accounts/${accountSid}${path}`, {
      method: form === undefined ? 'GET' : 'POST',
      headers: { authorization: `Basic ${btoa(`${accountSid}:${authToken}`)}`, ...headers },
      ...(form === undefined ? {} : { body: new URLSearchParams(form) }),
    })
  }

  async place(lab: RunningLab, to: string, more: Record<string, string> = {}, token?: string) {
    const response = await this.ask(
      lab,
      '/Calls.json',
      {
        To: to,
        From: '+12025550100',
        Url: `${this.url}/voice?callId=1`,
        StatusCallback: `${this.url}/status?callId=1`,
        StatusCallbackEvent: 'initiated ringing answered completed',
        ...more,
      },
      token === undefined ? {} : { 'idempotency-key': token },
    )
    return (await response.json()) as { sid: string; status: string }
  }
}

export const startTestLab = (more: Partial<LabOptions> = {}) =>
  startLab({ port: 0, gatewayUrl: 'http://gateway', accountSid, authToken, speed: 20, ...more })

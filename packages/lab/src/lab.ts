import { mkdirSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { CallStore } from './carrier/call-store.ts'
import { Carrier } from './carrier/carrier.ts'
import { ownCarrierApi } from './carrier/own-api.ts'
import { carrierApi } from './carrier/rest.ts'
import { toShown } from './carrier/shown.ts'
import { sendJson } from './http.ts'
import { type Fault, Faults } from './inbox/faults.ts'
import { InboxStore } from './inbox/inbox-store.ts'
import { inboxApi } from './inbox/rest.ts'
import { TextWebhooks } from './inbox/text-webhooks.ts'
import { labPage } from './page.ts'

export interface LabOptions {
  /** On the loopback interface; 0 for any free port. */
  port: number
  /** The gateway's address, shown on the page. Callbacks go to the addresses that each call was placed with. */
  gatewayUrl: string
  /** What the carrier's customers sign in with, and what signs its webhooks. */
  accountSid: string
  authToken: string
  email?: {
    /** The key that senders must have; any is taken when left out. */
    key?: string
    /** What the first requests meet: a status, or `drop` to take the mail and lose the answer. */
    faults?: readonly Fault[]
  }
  /** Where calls and inboxes are kept across restarts; only in memory when left out. */
  dataDir?: string
  /** How many times faster than the contract's people these act; 1 unless given. */
  speed?: number
}

export interface RunningLab {
  url: string
  stop(): Promise<void>
}

/** Starts the lab: a carrier with Twilio's API and people who answer its phones, and inboxes for all that is sent. */
export async function startLab(options: LabOptions): Promise<RunningLab> {
  const { accountSid, authToken, dataDir, email = {}, speed = 1 } = options
  if (dataDir !== undefined) mkdirSync(dataDir, { recursive: true })
  const file = (name: string) => (dataDir === undefined ? undefined : join(dataDir, name))
  const store = new CallStore(file('lab-calls.json'))
  const inboxes = new InboxStore(file('lab-inbox.json'))
  const faults = new Faults()
  faults.plan('email', email.faults ?? [])
  const carrier = new Carrier({ store, accountSid, authToken, speed })
  const api = carrierApi({ carrier, accountSid, authToken })
  const own = ownCarrierApi({ carrier, gatewayUrl: options.gatewayUrl })
  const { gatewayUrl } = options
  const texts = new TextWebhooks({ store: inboxes, accountSid, authToken, gatewayUrl, speed })
  const sinks = inboxApi({
    ...{ store: inboxes, faults, texts },
    ...{ accountSid, authToken, emailKey: email.key },
  })

  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      if (response.headersSent) response.destroy()
      else sendJson(response, 500, { status: 500, message: String(error) })
    })
  })

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://lab')
    if (await api(request, response, url)) return
    if (await own(request, response, url)) return
    if (await sinks(request, response, url)) return
    if (request.method === 'GET' && url.pathname === '/calls') {
      return sendJson(response, 200, { data: carrier.calls().map(toShown) })
    }
    if (request.method === 'GET' && url.pathname === '/') {
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' })
      response.end(
        labPage({
          gatewayUrl: options.gatewayUrl,
          calls: carrier.calls(),
          inboxes: {
            email: inboxes.list('email'),
            sms: inboxes.list('sms'),
            push: inboxes.list('push'),
            webhook: inboxes.list('webhook'),
          },
        }),
      )
      return
    }
    sendJson(response, 404, { status: 404, message: 'There is nothing here' })
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, '127.0.0.1', resolve)
  })
  carrier.start()
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    async stop() {
      await carrier.stop()
      await texts.stop()
      server.closeAllConnections()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

import { mkdirSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { CallStore } from './carrier/call-store.ts'
import { Carrier } from './carrier/carrier.ts'
import { carrierApi } from './carrier/rest.ts'
import { callsPage, toShown } from './page.ts'

export interface LabOptions {
  /** On the loopback interface; 0 for any free port. */
  port: number
  /** The gateway's address, shown on the page. Callbacks go to the addresses that each call was placed with. */
  gatewayUrl: string
  /** What the carrier's customers sign in with, and what signs its webhooks. */
  accountSid: string
  authToken: string
  /** Where calls are kept across restarts; only in memory when left out. */
  dataDir?: string
  /** How many times faster than the contract's people these act; 1 unless given. */
  speed?: number
}

export interface RunningLab {
  url: string
  stop(): Promise<void>
}

/** Starts the lab: a carrier with Twilio's Voice API and people who answer its phones. */
export async function startLab(options: LabOptions): Promise<RunningLab> {
  const { accountSid, authToken, dataDir, speed = 1 } = options
  if (dataDir !== undefined) mkdirSync(dataDir, { recursive: true })
  const store = new CallStore(dataDir === undefined ? undefined : join(dataDir, 'lab-calls.json'))
  const carrier = new Carrier({ store, accountSid, authToken, speed })
  const api = carrierApi({ carrier, accountSid, authToken })

  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      response.writeHead(500, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ status: 500, message: String(error) }))
    })
  })

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://lab')
    if (await api(request, response, url)) return
    if (request.method === 'GET' && url.pathname === '/calls') {
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ data: carrier.calls().map(toShown) }))
      return
    }
    if (request.method === 'GET' && url.pathname === '/') {
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' })
      response.end(callsPage(carrier.calls(), options.gatewayUrl))
      return
    }
    response.writeHead(404, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ status: 404, message: 'There is nothing here' }))
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
      server.closeAllConnections()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

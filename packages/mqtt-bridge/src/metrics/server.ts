import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Which parts stand. */
export interface Readiness {
  broker: string
  edge: string
  downlink: string
}

/** Another bridge has the link. */
export const STANDING_BY = 'standing by'

export interface MetricsServerOptions {
  host: string
  port: number
  page(): Promise<string>
  contentType: string
  /** `up`, or what is wrong, for each part; `standing by` is nothing wrong. */
  readiness(): Readiness
}

export interface MetricsServer {
  url: string
  close(): Promise<void>
}

export const isReady = (readiness: Readiness): boolean =>
  Object.values(readiness).every((state) => state === 'up' || state === STANDING_BY)

/**
 * Serves `/metrics`, `/health/live` and `/health/ready`.
 *
 * @throws Error when the port is taken
 */
export async function startMetricsServer(options: MetricsServerOptions): Promise<MetricsServer> {
  const server = createServer((request, response) => {
    void answer(request.method ?? '', pathOf(request.url), response, options).catch(() => {
      response.destroy()
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, options.host, resolve)
  })
  const { address, family, port } = server.address() as AddressInfo
  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

const pathOf = (url = '/'): string => url.split('?', 1)[0] ?? '/'

async function answer(
  method: string,
  path: string,
  response: ServerResponse,
  { page, contentType, readiness }: MetricsServerOptions,
): Promise<void> {
  if (method !== 'GET' && method !== 'HEAD') {
    response.writeHead(405, { allow: 'GET, HEAD' }).end()
    return
  }
  switch (path) {
    case '/metrics': {
      const text = await page()
      response.writeHead(200, { 'content-type': contentType }).end(text)
      return
    }
    case '/health/live':
      json(response, 200, { status: 'ok' })
      return
    case '/health/ready': {
      const parts = readiness()
      const ready = isReady(parts)
      json(response, ready ? 200 : 503, { status: ready ? 'ok' : 'error', details: parts })
      return
    }
    default:
      response.writeHead(404).end()
  }
}

function json(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { connectAsync, type MqttClient } from 'mqtt'
import { vi } from 'vitest'
import { parseObject } from '../src/http.ts'

/** Waits for a condition, long enough for a busy machine. */
export const eventually = <T>(check: () => T | Promise<T>): Promise<T> =>
  vi.waitFor(check, { timeout: 8_000, interval: 20 })

/** What devices say, and what confirms it: in these tests the part of the bridge and the edge behind the broker. */
export class Edge {
  readonly received: { topic: string; body: Record<string, unknown>; retained: boolean }[] = []
  /** Whether telemetry is confirmed. */
  confirming = true
  readonly #client: MqttClient

  private constructor(client: MqttClient) {
    this.#client = client
    client.on('message', (topic, payload, { retain }) => {
      const body = parseObject(payload.toString()) ?? {}
      this.received.push({ topic, body, retained: retain })
      if (this.confirming && topic.includes('/telemetry/')) this.confirm(topic.split('/')[2] ?? '')
    })
  }

  static async at(port: number, protocolVersion: 5 | 4): Promise<Edge> {
    const client = await connectAsync(`mqtt://127.0.0.1:${port}`, { protocolVersion })
    const edge = new Edge(client)
    await client.subscribeAsync('v1/devices/#', { qos: 1 })
    return edge
  }

  /** The numbers of a device's telemetry that arrived, repeats left out, in the order of their first arrival. */
  numbersOf(id: string): number[] {
    const topic = `v1/devices/${id}/telemetry/climate`
    return [
      ...new Set(
        this.received.filter((one) => one.topic === topic).map(({ body }) => Number(body.seq)),
      ),
    ]
  }

  presenceOf(id: string) {
    return this.received
      .filter(({ topic }) => topic === `v1/devices/${id}/presence`)
      .map(({ body }) => body as { state: string; session: string })
  }

  confirm(id: string): void {
    const topic = `v1/devices/${id}/telemetry/climate`
    const epoch = this.received.findLast((one) => one.topic === topic)?.body.epoch
    const numbers = new Set(
      this.received
        .filter((one) => one.topic === topic && one.body.epoch === epoch)
        .map(({ body }) => body.seq),
    )
    let ackedThrough = 0
    while (numbers.has(ackedThrough + 1)) ackedThrough += 1
    this.send(`v1/devices/${id}/acks`, { epoch, ackedThrough })
  }

  send(topic: string, body: object, retain = false): void {
    this.#client.publish(topic, JSON.stringify(body), { qos: 1, retain })
  }

  stop(): Promise<void> {
    return this.#client.endAsync(true)
  }
}

/** The gateway's routes that devices are registered with; answers them in the contract's words and nothing else. */
export async function registry() {
  const asked: string[] = []
  /** Problems that the next requests for credentials get. */
  const problems: { status: number; code: string; retryAfter?: number }[] = []
  const server = createServer((request, response) => {
    request.resume()
    const path = request.url ?? ''
    asked.push(`${request.method} ${path}`)
    const reply = (status: number, body: object, headers: Record<string, string> = {}) => {
      const type = status < 400 ? 'application/json' : 'application/problem+json'
      response.writeHead(status, { 'content-type': type, ...headers }).end(JSON.stringify(body))
    }
    const refuse = (status: number, code: string, headers?: Record<string, string>) =>
      reply(
        status,
        {
          type: 'about:blank',
          title: code,
          status,
          detail: code,
          instance: path,
          code,
          requestId: 'r',
        },
        headers,
      )
    if (path === '/auth/login')
      return reply(200, {
        data: {
          access_token: 'a',
          expires_in: 900,
          refresh_token: 'r',
          refresh_expires_in: 1800,
          token_type: 'Bearer',
          scope: '',
          session_state: 's',
        },
        meta: { requestId: 'r' },
      })
    if (path === '/auth/logout') return response.writeHead(204).end()
    if (path === '/devices' && asked.filter((one) => one === 'POST /devices').length > 3)
      return refuse(409, 'conflict')
    const problem = path.endsWith('/credentials') ? problems.shift() : undefined
    if (problem)
      return refuse(problem.status, problem.code, {
        'retry-after': String(problem.retryAfter ?? 0),
      })
    return reply(201, { data: { username: 'd', password: 'p' }, meta: { requestId: 'r' } })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    problems,
    stop: () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}

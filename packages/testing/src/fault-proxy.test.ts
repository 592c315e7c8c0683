import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts'
import { waitFor } from './wait-for.ts'

describe('the fault proxy', () => {
  let server: Server
  let sockets: WebSocketServer
  let proxy: FaultProxy
  let received: string[]

  beforeEach(async () => {
    received = []
    server = createServer((request, response) => {
      received.push(request.url ?? '')
      response.end('answer')
    })
    sockets = new WebSocketServer({ server })
    sockets.on('connection', (socket) => {
      socket.on('message', (data) => {
        received.push(String(data))
        socket.send(`echo ${data}`)
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    proxy = await startFaultProxy((server.address() as AddressInfo).port)
  })

  afterEach(async () => {
    await proxy.close()
    for (const socket of sockets.clients) socket.terminate()
    sockets.close()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })

  const ask = async (path = '/', timeoutMs = 2_000) => {
    const answer = await fetch(proxy.url + path, {
      headers: { connection: 'close' },
      signal: AbortSignal.timeout(timeoutMs),
    })
    return answer.text()
  }
  const causeOf = async (promise: Promise<unknown>) => {
    const error = await promise.then(
      () => undefined,
      (reason: Error & { cause?: { code?: string } }) => reason,
    )
    return error?.cause?.code ?? error?.name
  }

  test('ok passes HTTP through', async () => {
    expect(await ask('/a')).toBe('answer')
    expect(received).toEqual(['/a'])
  })

  test('refuse answers as if nobody listened, and ok listens again on the same port', async () => {
    proxy.mode = 'refuse'
    expect(await causeOf(ask())).toBe('ECONNREFUSED')
    proxy.mode = 'ok'
    expect(await ask()).toBe('answer')
  })

  test('reset ends a new connection with RST', async () => {
    proxy.mode = 'reset'
    expect(await causeOf(ask())).toBe('ECONNRESET')
    expect(received).toEqual([])
  })

  test('blackhole takes a connection and lets nothing arrive', async () => {
    proxy.mode = 'blackhole'
    expect(await causeOf(ask('/', 150))).toBe('TimeoutError')
    expect(received).toEqual([])
  })

  test('dropReply lets the request arrive and its answer be lost', async () => {
    proxy.mode = 'dropReply'
    expect(await causeOf(ask('/done'))).toBe('ECONNRESET')
    expect(received).toEqual(['/done'])
  })

  test('delay passes everything later, and ok after it overtakes nothing', async () => {
    proxy.mode = 'delay'
    proxy.delayMs = 120
    const before = performance.now()
    expect(await ask()).toBe('answer')
    expect(performance.now() - before).toBeGreaterThanOrEqual(230)
  })

  test('a WebSocket passes, and reset ends it with 1006', async () => {
    const socket = new WebSocket(proxy.wsUrl)
    const frames: string[] = []
    const closed = new Promise<number>((resolve) => socket.on('close', resolve))
    socket.on('error', () => {})
    socket.on('message', (data) => frames.push(String(data)))
    await new Promise((resolve) => socket.on('open', resolve))
    socket.send('one')
    await waitFor(() => frames.includes('echo one'), { what: 'the echo' })
    expect(proxy.connections).toBe(1)
    proxy.reset()
    expect(await closed).toBe(1006)
    expect(proxy.connections).toBe(0)
  })

  test('dropReply on an open WebSocket loses the answer, not the message', async () => {
    const socket = new WebSocket(proxy.wsUrl)
    const closed = new Promise<number>((resolve) => socket.on('close', resolve))
    socket.on('error', () => {})
    await new Promise((resolve) => socket.on('open', resolve))
    proxy.mode = 'dropReply'
    socket.send('important')
    expect(await closed).toBe(1006)
    expect(received).toContain('important')
  })
})

import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { sendEmail } from '../../src/deliver/email-api.ts'

let server: Server | undefined
afterEach(() => {
  server?.closeAllConnections()
  server?.close()
})

async function providerThat(answer: RequestListener): Promise<string> {
  const listening = createServer(answer)
  server = listening
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(listening.address() as AddressInfo).port}/`
}

const send = (url: string, title = 'Hello') =>
  sendEmail(
    { url, key: 'secret', from: 'Menagerie <notices@example.com>' },
    'n1:email',
    'ada@example.com',
    { title, body: 'Body' },
    () => 0,
  )

describe("an e-mail by Resend's API", () => {
  test('is one POST under the delivery id, and its subject one line', async () => {
    let seen: unknown
    const url = await providerThat(async (request, response) => {
      const parts: Buffer[] = []
      for await (const part of request) parts.push(part as Buffer)
      const { authorization, 'idempotency-key': key } = request.headers
      const body = JSON.parse(Buffer.concat(parts).toString())
      seen = { method: request.method, path: request.url, authorization, key, body }
      response.end('{"id":"e1"}')
    })
    expect(await send(url, 'Hello\r\nBcc: eve@example.com')).toEqual({
      outcome: 'sent',
      providerId: 'e1',
      status: 200,
    })
    expect(seen).toEqual({
      method: 'POST',
      path: '/emails',
      authorization: 'Bearer secret',
      key: 'n1:email',
      body: {
        from: 'Menagerie <notices@example.com>',
        to: ['ada@example.com'],
        subject: 'Hello Bcc: eve@example.com',
        text: 'Body',
      },
    })
  })

  test.each([
    [200, 'no JSON', { outcome: 'sent', providerId: null }],
    [400, '{}', { outcome: 'failed', reason: 'provider_answered_400' }],
    [401, '{}', { outcome: 'failed' }],
    [302, '', { outcome: 'failed', reason: 'provider_answered_302' }],
    [409, '{"name":"invalid_idempotent_request"}', { outcome: 'failed' }],
    [409, '{"name":"concurrent_idempotent_requests"}', { outcome: 'retrying' }],
    [408, '', { outcome: 'retrying' }],
    [429, '{}', { outcome: 'retrying', retryAfterSeconds: 30 }],
    [500, '', { outcome: 'retrying', reason: 'provider_answered_500' }],
  ])('that is answered %i %s', async (status, body, expected) => {
    const url = await providerThat((_, response) => {
      const headers = { 'retry-after': '30', location: 'http://127.0.0.1:1/' }
      response.writeHead(status, headers).end(body)
    })
    expect(await send(url)).toMatchObject({ ...expected, status })
  })

  test.each<[string, RequestListener]>([
    ['before the answer', (request) => request.socket.destroy()],
    [
      'within the answer',
      (request, response) => {
        response.writeHead(200, { 'content-length': '100' }).write('{"id":')
        setImmediate(() => request.socket.destroy())
      },
    ],
  ])('whose connection breaks %s may have been sent, and is asked for again', async (_, answer) => {
    const url = await providerThat(answer)
    expect(await send(url)).toEqual({
      outcome: 'retrying',
      reason: 'provider_unreachable',
      status: null,
    })
  })

  test('is not waited for when the answer never ends', async () => {
    const url = await providerThat((_, response) => {
      response.writeHead(200)
      const more = () => {
        while (!response.destroyed && response.write('x'.repeat(16_384)));
      }
      response.on('drain', more)
      more()
    })
    expect(await send(url)).toEqual({ outcome: 'sent', providerId: null, status: 200 })
  })
})

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type MessageCarrier, MessageCarrierAway, type MessageOrder } from '../message-carrier.ts'
import { twilioMessages } from './twilio-messages.ts'

interface Seen {
  method: string
  url: URL
  headers: IncomingMessage['headers']
  form: URLSearchParams
}

let server: Server
let carrier: MessageCarrier
let seen: Seen[]
let answer: (response: ServerResponse) => void
const now = 1_800_000_000_000

beforeEach(async () => {
  seen = []
  server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString()
    })
    request.on('end', () => {
      const url = new URL(request.url ?? '/', 'http://carrier')
      const { method = '', headers } = request
      seen.push({ method, url, headers, form: new URLSearchParams(body) })
      answer(response)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  carrier = twilioMessages({
    apiUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    accountSid: 'AC1',
    authToken: 'secret',
    publicUrl: 'https://menagerie.example/',
    now: () => now,
  })
})
afterEach(async () => {
  server.closeAllConnections()
  await new Promise<void>((resolve) => server.close(() => resolve()))
})

const json =
  (status: number, body: unknown, headers: Record<string, string> = {}) =>
  (response: ServerResponse) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers })
    response.end(JSON.stringify(body))
  }
const order: MessageOrder = {
  messageId: 'm1',
  conversationId: 'c1',
  channel: 'sms',
  to: '+12025550101',
  from: '+12025550100',
  body: 'Grüße',
  mediaUrls: ['https://example.com/1', 'https://example.com/2'],
}

describe('sending', () => {
  test('posts a form with Basic authentication, a token and where to call back', async () => {
    answer = json(201, { sid: 'SM1', status: 'queued' })
    const report = { sid: 'SM1', status: 'queued', reason: null }
    expect(await carrier.send(order)).toEqual({ outcome: 'accepted', report })
    const [request] = seen
    expect(request?.url.pathname).toBe('/2010-04-01/Accounts/AC1/Messages.json')
    expect(request?.headers.authorization).toBe(`Basic ${btoa('AC1:secret')}`)
    expect(request?.headers['idempotency-key']).toBe('m1')
    expect([...(request?.form ?? [])]).toEqual([
      ['To', '+12025550101'],
      ['From', '+12025550100'],
      ['Body', 'Grüße'],
      [
        'StatusCallback',
        'https://menagerie.example/webhooks/twilio/message-status?conversationId=c1&messageId=m1',
      ],
      ['MediaUrl', 'https://example.com/1'],
      ['MediaUrl', 'https://example.com/2'],
    ])
  })

  test('names the channel of WhatsApp', async () => {
    answer = json(201, { sid: 'SM1', status: 'accepted' })
    await carrier.send({ ...order, channel: 'whatsapp' })
    expect(seen[0]?.form.get('To')).toBe('whatsapp:+12025550101')
    expect(seen[0]?.form.get('From')).toBe('whatsapp:+12025550100')
  })

  test.each([
    [400, { code: 21211 }, { outcome: 'refused', reason: 'carrier_21211' }],
    [401, { code: 20003 }, { outcome: 'refused', reason: 'carrier_20003' }],
    [403, 'nothing', { outcome: 'refused', reason: 'carrier_refused' }],
    [429, {}, { outcome: 'busy', retryAfterSeconds: 7 }],
    [408, {}, { outcome: 'unsure' }],
    [500, {}, { outcome: 'unsure' }],
    [201, { no: 'sid' }, { outcome: 'unsure' }],
  ])('%i %j', async (status, body, outcome) => {
    answer = json(status, body, { 'retry-after': '7' })
    expect(await carrier.send(order)).toMatchObject(outcome)
  })

  test('waits until a date that the carrier names', async () => {
    const date = new Date(now).toUTCString()
    const retryAfter = new Date(now + 30_000).toUTCString()
    answer = json(429, {}, { date, 'retry-after': retryAfter })
    expect(await carrier.send(order)).toEqual({ outcome: 'busy', retryAfterSeconds: 30 })
  })

  test('an answer that is lost leaves it unsure', async () => {
    answer = (response) => response.destroy()
    expect(await carrier.send(order)).toMatchObject({ outcome: 'unsure' })
  })
})

describe('looking for what may have arrived', () => {
  const listed = (more: object) => ({
    sid: 'SM1',
    status: 'sent',
    body: order.body,
    date_created: new Date(now).toUTCString(),
    ...more,
  })

  test('asks by To and From, and takes the oldest of the same text', async () => {
    answer = json(200, {
      messages: [
        listed({ sid: 'SM3', date_created: new Date(now + 5_000).toUTCString() }),
        listed({ sid: 'SM2' }),
        listed({ sid: 'other', body: 'another text' }),
        listed({ sid: 'old', date_created: new Date(now - 61_000).toUTCString() }),
      ],
    })
    const found = await carrier.find(order, now)
    expect(found.map(({ sid }) => sid)).toEqual(['SM2', 'SM3'])
    expect(Object.fromEntries(seen[0]?.url.searchParams ?? [])).toMatchObject({
      To: order.to,
      From: order.from,
    })
  })

  test('a token tells it from all others', async () => {
    answer = json(200, {
      messages: [
        listed({ sid: 'SM1', idempotency_token: 'another' }),
        listed({ sid: 'SM2', idempotency_token: 'm1' }),
      ],
    })
    expect(await carrier.find(order, now)).toMatchObject([{ sid: 'SM2', status: 'sent' }])
  })

  test('knows the text behind the words of a trial account', async () => {
    const body = `Sent from your Twilio trial account - ${order.body}`
    answer = json(200, { messages: [listed({ body })] })
    expect(await carrier.find(order, now)).toMatchObject([{ sid: 'SM1' }])
  })

  test('a carrier without an answer is away', async () => {
    answer = json(503, {})
    await expect(carrier.find(order, now)).rejects.toThrow(MessageCarrierAway)
  })
})

describe('asking how one stands', () => {
  test.each([
    ['undelivered', 30003, { status: 'failed', reason: 'carrier_30003' }],
    ['canceled', null, { status: 'failed', reason: 'carrier_canceled' }],
    ['read', null, { status: 'read', reason: null }],
    ['sending', null, { status: 'queued', reason: null }],
  ])('%s', async (status, error_code, report) => {
    answer = json(200, { sid: 'SM1', status, error_code })
    expect(await carrier.fetch('SM1')).toEqual({ sid: 'SM1', ...report })
    expect(seen[0]?.url.pathname).toBe('/2010-04-01/Accounts/AC1/Messages/SM1.json')
  })

  test('one that it does not know is undefined', async () => {
    answer = json(404, { code: 20404 })
    expect(await carrier.fetch('SM1')).toBeUndefined()
  })
})

import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { retryAfterSeconds } from '../../shared/retry-after.ts'
import type { Carrier } from './carrier.ts'
import { twilioCarrier } from './twilio.ts'

const call = {
  callId: '019aa5b8-7c00-7000-8000-000000000001',
  to: '+12025550101',
  from: '+12025550100',
  ringTimeoutSeconds: 20,
  record: true,
}

interface Seen {
  line: string
  authorization: string | undefined
  token: string | undefined
  form: URLSearchParams
}

let server: Server
let carrier: Carrier
let seen: Seen[]
/** What the other side answers next; a `destroy` cuts the connection. */
let answers: ({ status: number; body?: unknown; retryAfter?: string } | 'destroy')[]

beforeEach(async () => {
  seen = []
  answers = []
  server = createServer(async (request, response) => {
    const form = new URLSearchParams(await textOf(request))
    const { authorization, 'idempotency-key': token } = request.headers
    const line = `${request.method} ${request.url}`
    seen.push({ line, authorization, token: token as string | undefined, form })
    const answer = answers.shift() ?? { status: 500 }
    if (answer === 'destroy') return void request.socket.destroy()
    response.writeHead(answer.status, answer.retryAfter ? { 'retry-after': answer.retryAfter } : {})
    response.end(JSON.stringify(answer.body ?? {}))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  carrier = twilioCarrier({
    apiUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    accountSid: 'AC1',
    authToken: 'secret',
    publicUrl: 'https://calls.example.com/',
  })
})
afterEach(() => {
  server.closeAllConnections()
  server.close()
})

async function textOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request) text += String(chunk)
  return text
}

test("an order to dial is Twilio's own form, with a token and callbacks without /v1", async () => {
  answers = [{ status: 201, body: { sid: 'CA1', status: 'queued' } }]
  expect(await carrier.place(call)).toEqual({ outcome: 'placed', callSid: 'CA1' })
  const [request] = seen
  expect(request?.line).toBe('POST /2010-04-01/Accounts/AC1/Calls.json')
  expect(request?.authorization).toBe(`Basic ${btoa('AC1:secret')}`)
  expect(request?.token).toBe(call.callId)
  const form = request?.form ?? new URLSearchParams()
  expect(form.getAll('StatusCallbackEvent')).toEqual([
    'initiated',
    'ringing',
    'answered',
    'completed',
  ])
  form.delete('StatusCallbackEvent')
  expect(Object.fromEntries(form)).toEqual({
    To: call.to,
    From: call.from,
    Url: `https://calls.example.com/webhooks/twilio/voice?callId=${call.callId}`,
    Method: 'POST',
    StatusCallback: `https://calls.example.com/webhooks/twilio/voice-status?callId=${call.callId}`,
    StatusCallbackMethod: 'POST',
    Timeout: '20',
    Record: 'true',
  })
})

test('an answer that does not tell whether the call was made leaves us unsure', async () => {
  answers = ['destroy', { status: 503 }, { status: 408 }, { status: 201, body: {} }]
  for (let asked = 0; asked < 4; asked++)
    expect(await carrier.place(call)).toMatchObject({ outcome: 'unsure' })
})

test('a refusal is final, and Retry-After is honoured', async () => {
  answers = [{ status: 400 }, { status: 429, retryAfter: '7' }, { status: 429 }]
  expect(await carrier.place(call)).toMatchObject({ outcome: 'refused' })
  expect(await carrier.place(call)).toEqual({ outcome: 'busy', retryAfterSeconds: 7 })
  expect(await carrier.place(call)).toEqual({ outcome: 'busy', retryAfterSeconds: 1 })
})

test('a Retry-After may be a date, counted from the answer itself, and has its bounds', () => {
  const now = Date.parse('2026-11-22T10:00:00Z')
  const wait = (retryAfter: string, date?: string) =>
    retryAfterSeconds(
      new Headers({ 'retry-after': retryAfter, ...(date === undefined ? {} : { date }) }),
      now,
    )
  expect(wait('Sun, 22 Nov 2026 10:00:09 GMT')).toBe(9)
  // The carrier's clock is an hour ahead of ours, and its own date says so.
  expect(wait('Sun, 22 Nov 2026 11:00:09 GMT', 'Sun, 22 Nov 2026 11:00:00 GMT')).toBe(9)
  expect(wait('Sun, 22 Nov 2026 09:00:00 GMT')).toBe(1)
  expect([wait('0'), wait('7'), wait('3600'), wait('soon'), wait('-5')]).toEqual([1, 7, 60, 1, 1])
})

test('a refusal is told with the number that Twilio has for it', async () => {
  answers = [
    { status: 400, body: { code: 21211, message: "The 'To' number is not valid", status: 400 } },
    { status: 401, body: { code: 20003, message: 'Authenticate', status: 401 } },
    { status: 403 },
  ]
  const outcomes = []
  for (const _ of [...answers]) outcomes.push(await carrier.place(call))
  expect(outcomes).toEqual([
    { outcome: 'refused', detail: 'The carrier answered 400 (21211)' },
    { outcome: 'refused', detail: 'The carrier answered 401 (20003)' },
    { outcome: 'refused', detail: 'The carrier answered 403' },
  ])
})

test('a carrier that has too much to do says how long; other orders wait that long, too', async () => {
  const busy = { status: 429, body: { code: 20429 }, retryAfter: '7' }
  answers = [busy, busy, busy, busy]
  for (const asked of [
    () => carrier.hangUp('CA1'),
    () => carrier.redirect('CA1', call.callId),
    () => carrier.digits('CA1', call.callId, '1'),
    () => carrier.fetch('CA1'),
  ])
    await expect(asked()).rejects.toMatchObject({ name: 'CarrierAway', retryAfterSeconds: 7 })
})

test('a redirect names the voice webhook of the call, and keys come with the way back to it', async () => {
  answers = [{ status: 200 }, { status: 200 }]
  await carrier.redirect('CA1', call.callId)
  expect(await carrier.digits('CA1', call.callId, '1w#')).toBe('sent')
  const voice = `https://calls.example.com/webhooks/twilio/voice?callId=${call.callId}`
  expect(seen.map(({ line }) => line)).toEqual(
    Array(2).fill('POST /2010-04-01/Accounts/AC1/Calls/CA1.json'),
  )
  expect(Object.fromEntries(seen[0]?.form ?? [])).toEqual({ Url: voice, Method: 'POST' })
  expect(Object.fromEntries(seen[1]?.form ?? [])).toEqual({
    Twiml: `<Response><Play digits="1w#"/><Redirect method="POST">${voice}</Redirect></Response>`,
  })
})

test('keys of which nobody knows whether they arrived are not sent again by us', async () => {
  answers = ['destroy', { status: 503 }, { status: 400, body: { code: 21220 } }, { status: 404 }]
  const pressed = []
  for (const _ of [...answers]) pressed.push(await carrier.digits('CA1', call.callId, '1'))
  expect(pressed).toEqual(['unsure', 'unsure', 'refused', 'refused'])
})

test('an answer that is not the API of a carrier means that it is away', async () => {
  answers = [
    { status: 200, body: { calls: 'none' } },
    { status: 200, body: { sid: 'CA1', status: 'dancing' } },
  ]
  await expect(carrier.find(call, 0)).rejects.toMatchObject({ name: 'CarrierAway' })
  await expect(carrier.fetch('CA1')).rejects.toMatchObject({ name: 'CarrierAway' })
})

test('a look-up finds our token, and is unsure of calls without one', async () => {
  const since = Date.parse('2026-11-21T10:00:00Z')
  const one = { sid: 'CA1', status: 'queued', date_created: 'Sat, 21 Nov 2026 10:00:01 +0000' }
  const older = { ...one, date_created: 'Sat, 21 Nov 2026 09:00:00 +0000' }
  const lists = [
    [
      { ...one, sid: 'CA2', idempotency_token: 'other' },
      { ...one, idempotency_token: call.callId },
    ],
    [{ ...one, idempotency_token: 'other' }],
    [older],
    [older, one],
    [],
  ]
  answers = lists.map((calls) => ({ status: 200, body: { calls } }))
  const found = []
  for (const _ of lists) found.push(await carrier.find(call, since))
  expect(found).toEqual([
    { outcome: 'found', callSid: 'CA1' },
    { outcome: 'none' },
    { outcome: 'none' },
    { outcome: 'unsure' },
    { outcome: 'none' },
  ])
  expect(seen[0]?.line).toContain('Calls.json?To=%2B12025550101&From=%2B12025550100')
})

test('hanging up what has ended or is unknown is no error; a carrier that is away is one', async () => {
  answers = [{ status: 200 }, { status: 404 }, { status: 400 }, { status: 500 }, 'destroy']
  for (let asked = 0; asked < 3; asked++) await carrier.hangUp('CA1')
  expect(seen[0]?.form.get('Status')).toBe('completed')
  await expect(carrier.hangUp('CA1')).rejects.toThrow('500')
  await expect(carrier.hangUp('CA1')).rejects.toThrow('does not answer')
})

test("a call's state is read as a report, and an unknown call as none", async () => {
  answers = [
    { status: 200, body: { sid: 'CA1', status: 'completed', duration: '61' } },
    { status: 404 },
    { status: 502 },
  ]
  expect(await carrier.fetch('CA1')).toEqual({
    callSid: 'CA1',
    status: 'completed',
    rejected: false,
    durationSeconds: 61,
  })
  expect(await carrier.fetch('CA1')).toBeUndefined()
  await expect(carrier.fetch('CA1')).rejects.toThrow('502')
})

test('a call that cannot be redirected yet is redirected later, one that is over never', async () => {
  const refused = { status: 400, body: { code: 21220 } }
  for (const status of ['queued', 'ringing', 'in-progress']) {
    answers = [refused, { status: 200, body: { sid: 'CA1', status } }]
    await expect(carrier.redirect('CA1', call.callId)).rejects.toThrow('not yet in progress')
  }
  for (const after of [
    { status: 200, body: { sid: 'CA1', status: 'completed' } },
    { status: 404 },
  ]) {
    answers = [refused, after]
    await carrier.redirect('CA1', call.callId)
  }
  // Any other refusal stays one, however often it is asked.
  seen = []
  answers = [{ status: 400, body: { code: 21205 } }]
  await carrier.redirect('CA1', call.callId)
  expect(seen).toHaveLength(1)
})

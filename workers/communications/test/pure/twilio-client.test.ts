import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { twilioCarrier } from '@menagerie/durable-objects/carriers'
import { startLab } from '@menagerie/lab'
import twilio from 'twilio'
import { expect, test } from 'vitest'

const accountSid = 'AC0123456789abcdef0123456789abcdef'
const authToken = 'a-carrier-token-for-tests-only'
const publicUrl = 'https://calls.example.com'
const callId = '019aa5b8-7c00-7000-8000-000000000001'
const sid = `CA${'1'.repeat(32)}`

/** A request as it leaves: method, path, and the form with the parts of lists in order. */
interface Wire {
  line: string
  authorization: string
  form: [string, string][]
}

/** Listens to what a client says, and answers like Twilio. */
async function wire() {
  const seen: Wire[] = []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += String(chunk)
    seen.push({
      line: `${request.method} ${request.url}`,
      authorization: request.headers.authorization ?? '',
      form: [...new URLSearchParams(body)].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)),
    })
    response
      .writeHead(201, { 'content-type': 'application/json' })
      .end(JSON.stringify({ sid, status: 'queued' }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const close = () => {
    server.closeAllConnections()
    server.close()
  }
  return { seen, url, close }
}

/** Twilio's own client, talking to another address than its maker's. */
function clientAt(url: string) {
  const client = twilio(accountSid, authToken)
  const request = client.httpClient.request.bind(client.httpClient)
  client.httpClient.request = (options) =>
    request({ ...options, uri: options.uri.replace('https://api.twilio.com', url) })
  return client
}

test("we say what Twilio's own client says: dialling, redirecting, pressing keys, hanging up", async () => {
  const { seen, url, close } = await wire()
  const ours = twilioCarrier({ apiUrl: url, accountSid, authToken, publicUrl })
  const theirs = clientAt(url)
  const voice = `${publicUrl}/webhooks/twilio/voice?callId=${callId}`
  const [to, from] = ['+12025550101', '+12025550100']
  await ours.place({ callId, to, from, ringTimeoutSeconds: 20, record: true })
  await theirs.calls.create({
    to,
    from,
    url: voice,
    method: 'POST',
    statusCallback: `${publicUrl}/webhooks/twilio/voice-status?callId=${callId}`,
    statusCallbackMethod: 'POST',
    statusCallbackEvent: ['initiated', 'ringing', 'answered', 'completed'],
    timeout: 20,
    record: true,
  })
  await ours.redirect(sid, callId)
  await theirs.calls(sid).update({ url: voice, method: 'POST' })
  await ours.digits(sid, callId, '1w#')
  const response = new twilio.twiml.VoiceResponse()
  response.play({ digits: '1w#' })
  response.redirect({ method: 'POST' }, voice)
  const declaration = '<?xml version="1.0" encoding="UTF-8"?>'
  await theirs.calls(sid).update({ twiml: response.toString().replace(declaration, '') })
  await ours.hangUp(sid)
  await theirs.calls(sid).update({ status: 'completed' })
  await ours.fetch(sid)
  await theirs.calls(sid).fetch()
  for (let at = 0; at < seen.length; at += 2) expect(seen[at]).toEqual(seen[at + 1])
  expect(seen).toHaveLength(10)
  close()
})

test("Twilio's own client gets on with the lab's carrier", async () => {
  const lab = await startLab({ port: 0, gatewayUrl: publicUrl, accountSid, authToken, speed: 20 })
  const { calls } = clientAt(lab.url)
  const twiml = '<Response><Pause length="600"/></Response>'
  const made = await calls.create({ to: '+12025550101', from: '+12025550100', twiml })
  expect(made).toMatchObject({ direction: 'outbound-api', accountSid, to: '+12025550101' })
  await expect.poll(async () => (await calls(made.sid).fetch()).status).toBe('in-progress')
  const directed = await calls(made.sid).update({ twiml })
  expect(directed.status).toBe('in-progress')
  expect((await calls.list({ to: '+12025550101' })).map((call) => call.sid)).toEqual([made.sid])
  expect((await calls(made.sid).update({ status: 'completed' })).status).toBe('completed')
  await expect(calls(made.sid).update({ twiml })).rejects.toMatchObject({
    status: 400,
    code: 21220,
  })
  await expect(calls('CA404').fetch()).rejects.toMatchObject({ status: 404, code: 20404 })
  await lab.stop()
})

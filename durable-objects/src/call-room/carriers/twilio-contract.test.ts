import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { testCarrier } from './carrier-contract.ts'
import { twilioCarrier } from './twilio.ts'

/** Twilio's side of the wire, as small as it can be: calls are answered at once, and addresses are noted, not asked. */
async function smallTwilio() {
  const calls = new Map<string, { token: string; status: string; to: string; heard: string }>()
  const asked: string[] = []
  const server = createServer(async (request, response) => {
    const answer = (status: number, body: object) =>
      response
        .writeHead(status, { 'content-type': 'application/json' })
        .end(JSON.stringify(status < 400 ? body : { code: 20404, ...body, status }))
    const form = new URLSearchParams(await textOf(request))
    const sid = /\/Calls\/(\w+)\.json$/.exec(request.url ?? '')?.[1]
    const resource = (id: string) => {
      const { token, ...call } = calls.get(id) ?? { token: '', status: '', to: '' }
      return { sid: id, ...call, duration: null, idempotency_token: token }
    }
    if (sid === undefined && request.method === 'GET')
      return answer(200, { calls: [...calls.keys()].map(resource) })
    if (sid === undefined) {
      const to = form.get('To') ?? ''
      if (!/^\+\d{7,15}$/.test(to)) return answer(400, { code: 21211 })
      const made = `CA${String(calls.size + 1).padStart(32, '0')}`
      const token = String(request.headers['idempotency-key'])
      calls.set(made, { token, status: 'in-progress', to, heard: '' })
      asked.push(form.get('Url') ?? '')
      return answer(201, resource(made))
    }
    const call = calls.get(sid)
    if (call === undefined) return answer(404, {})
    if (request.method === 'GET') return answer(200, resource(sid))
    if (call.status !== 'in-progress') return answer(400, { code: 21220 })
    call.status = form.get('Status') ?? call.status
    const next =
      form.get('Url') ??
      /<Redirect method="POST">(.+)<\/Redirect>/.exec(form.get('Twiml') ?? '')?.[1]
    if (next !== undefined) asked.push(next)
    call.heard += /<Play digits="(.+?)"\/>/.exec(form.get('Twiml') ?? '')?.[1] ?? ''
    return answer(200, resource(sid))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, calls, asked, server }
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request) text += String(chunk)
  return text
}

testCarrier('Twilio', async () => {
  const { url, calls, asked, server } = await smallTwilio()
  const settings = {
    accountSid: 'AC1',
    authToken: 'secret',
    publicUrl: 'https://calls.example.com',
  }
  return {
    carrier: twilioCarrier({ ...settings, apiUrl: url }),
    // Port 9 discards what it gets, where anything listens there at all.
    unreachable: twilioCarrier({ ...settings, apiUrl: 'http://127.0.0.1:9' }),
    answers: '+12025550101',
    refused: '+0',
    asked: () => asked,
    heard: (callSid) => calls.get(callSid)?.heard ?? '',
    async close() {
      server.closeAllConnections()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
})

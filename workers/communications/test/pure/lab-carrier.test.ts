import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { twilioCarrier } from '@menagerie/durable-objects/carriers'
import { testCarrier } from '@menagerie/durable-objects/carriers/contract'
import { startLab } from '@menagerie/lab'

const account = {
  accountSid: 'AC0123456789abcdef0123456789abcdef',
  authToken: 'a-carrier-token-for-tests-only',
}

/** Where the carrier reaches us: keeps every line open, and notes who asked. */
async function webhooks() {
  const asked: string[] = []
  const server = createServer((request, response) => {
    request.resume()
    if (request.url?.startsWith('/webhooks/twilio/voice?')) asked.push(request.url)
    response.end('<Response><Pause length="3600"/></Response>')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked, server }
}

testCarrier("the lab's carrier", async () => {
  const { url, asked, server } = await webhooks()
  const lab = await startLab({ port: 0, gatewayUrl: url, ...account, speed: 20 })
  const heard = new Map<string, string>()
  const listen = async () => {
    const answer = (await (await fetch(`${lab.url}/calls`)).json()) as {
      data: { sid: string; heard: string }[]
    }
    for (const call of answer.data) heard.set(call.sid, call.heard)
  }
  const listening = setInterval(() => void listen().catch(() => {}), 20)
  return {
    carrier: twilioCarrier({ ...account, apiUrl: lab.url, publicUrl: url }),
    unreachable: twilioCarrier({ ...account, apiUrl: 'http://127.0.0.1:9', publicUrl: url }),
    answers: '+12025550101',
    refused: '+0',
    asked: () => asked,
    heard: (callSid) => heard.get(callSid) ?? '',
    async close() {
      clearInterval(listening)
      await lab.stop()
      server.closeAllConnections()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
})

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { RunningLab } from '../src/index.ts'
import { Customer, startTestLab } from './customer.ts'

let lab: RunningLab
let customer: Customer

beforeEach(async () => {
  customer = await new Customer().listen()
  lab = await startTestLab({ gatewayUrl: `${customer.url}/` })
})
afterEach(async () => {
  await lab.stop()
  await customer.close()
})

const from = '+12025550142'
const to = '+12025550100'
const send = (path: string, body?: object, method = 'POST') =>
  fetch(`${lab.url}${path}`, {
    method,
    redirect: 'manual',
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
const callIn = async (more: object = {}) =>
  (await (await send('/carrier/inbound', { from, to, ...more })).json()) as { sid: string }
const shown = async (sid: string) => {
  const { data } = (await (await fetch(`${lab.url}/calls`)).json()) as {
    data: { sid: string; status: string; direction: string; doing: string | null; heard: string }[]
  }
  return data.find((call) => call.sid === sid)
}
const voice = () =>
  customer.received.filter(
    ({ path }) => path.startsWith('/webhooks/twilio/voice?') || path === '/webhooks/twilio/voice',
  )
const told = () => customer.received.filter(({ path }) => path === '/webhooks/twilio/voice-status')

describe('a call that comes in', () => {
  test("asks the number's webhook at once and does what it says", async () => {
    const { sid } = await callIn()
    await customer.until(() => voice().length === 1)
    expect(Object.fromEntries(voice()[0]?.form ?? [])).toMatchObject({
      CallSid: sid,
      From: from,
      To: to,
      Direction: 'inbound',
      CallStatus: 'ringing',
    })
    await expect
      .poll(() => shown(sid))
      .toMatchObject({ status: 'in-progress', direction: 'inbound' })
  })

  test('ends when the caller has enough, and its end is told', async () => {
    await callIn({ hangUpAfterMs: 100 })
    await customer.until(() => told().length === 1)
    expect(told()[0]?.form.get('CallStatus')).toBe('completed')
  })

  test('ends when the caller is told to hang up: once', async () => {
    const { sid } = await callIn()
    await expect.poll(() => shown(sid)).toMatchObject({ status: 'in-progress' })
    expect((await send(`/carrier/calls/${sid}/hangup`)).status).toBe(200)
    expect((await send(`/carrier/calls/${sid}/hangup`)).status).toBe(409)
    expect((await send('/carrier/calls/CA404/hangup')).status).toBe(404)
    await customer.until(() => told().length === 1)
  })

  test('ends with the TwiML that ends it', async () => {
    customer.twiml = '<Response><Say>Sorry</Say><Hangup/></Response>'
    const { sid } = await callIn()
    await customer.until(() => told().length === 1)
    expect(await shown(sid)).toMatchObject({ status: 'completed' })
  })

  test('fails where the customer does not know what to do with it', async () => {
    customer.answers = [404]
    await callIn()
    await customer.until(() => told().length === 1)
    expect(told()[0]?.form.get('CallStatus')).toBe('failed')
  })

  test('may show no number, goes to other addresses on demand, and is refused when it makes no sense', async () => {
    const voiceUrl = `${customer.url}/elsewhere`
    await callIn({ from: 'anonymous', voiceUrl })
    await customer.until((received) => received.some(({ path }) => path === '/elsewhere'))
    for (const body of [{}, { from, to: '123' }, { from, to, extra: 1 }, { from: 'Bob', to }])
      expect((await send('/carrier/inbound', body)).status).toBe(422)
  })

  test('is started by the form on the page', async () => {
    expect(await (await fetch(lab.url)).text()).toContain('action="/carrier/inbound"')
    const answer = await fetch(`${lab.url}/carrier/inbound`, {
      method: 'POST',
      redirect: 'manual',
      body: new URLSearchParams({ from, to, hangUpAfterMs: '' }),
    })
    expect([answer.status, answer.headers.get('location')]).toEqual([303, '/'])
    await customer.until(() => voice().length === 1)
  })
})

describe('TwiML', () => {
  /** The customer answers what asks it by and by, and keeps the line open at last. */
  const answers = (...documents: string[]) => {
    customer.twimls = documents.map((verbs) => `<Response>${verbs}</Response>`)
  }
  const dialled = async (twiml: string) => {
    answers(twiml)
    const call = await callIn()
    await customer.until(() => voice().length === 2)
    const { form, path } = voice()[1] ?? { form: new URLSearchParams(), path: '' }
    return { sid: call.sid, path, dial: form.get('DialCallStatus') }
  }
  const dial = (number: string, more = '') =>
    `<Dial action="/webhooks/twilio/voice?participant=p2&amp;a=1" ${more}><Number>${number}</Number></Dial>`

  test.each([
    ['+12025550102', 'busy'],
    ['+12025550104', 'busy'],
    ['+12025550105', 'completed'],
    ['+12025559999', 'failed'],
  ])('dials %s, and asks what comes after: %s', async (number, outcome) => {
    const { dial: said, path } = await dialled(dial(number))
    expect(said).toBe(outcome)
    expect(path).toBe('/webhooks/twilio/voice?participant=p2&a=1')
  })

  test('dials no longer than it says', async () => {
    expect((await dialled(dial('+12025550103', 'timeout="1"'))).dial).toBe('no-answer')
  })

  test('joins calls in a conference; for all it is over when one leaves that ends it, and only then', async () => {
    const join = (ends: boolean, path: string) =>
      `<Dial action="/webhooks/twilio/voice?${path}"><Conference endConferenceOnExit="${ends}">room-1</Conference></Dial>`
    const doing = async () => {
      const { data } = (await (await fetch(`${lab.url}/calls`)).json()) as {
        data: { sid: string; doing: string | null }[]
      }
      return new Map(data.map((one) => [one.sid, one.doing]))
    }
    answers(join(true, 'first'), join(false, 'second'))
    const first = await callIn()
    await customer.until(() => voice().length === 1)
    const second = await callIn()
    const inRoom = () =>
      vi.waitFor(async () => {
        const seen = await doing()
        for (const { sid } of [first, second]) expect(seen.get(sid)).toBe('conference room-1')
      })
    await inRoom()
    // The one that does not end it is sent away and back: the other has noticed nothing.
    const send = (sid: string) =>
      customer.ask(lab, `/Calls/${sid}.json`, { Url: `${customer.url}/voice?sent` })
    answers(join(false, 'second'))
    await send(second.sid)
    await customer.until((received) => received.some(({ path }) => path === '/voice?sent'))
    await inRoom()
    await fetch(`${lab.url}/carrier/calls/${first.sid}/hangup`, { method: 'POST' })
    await customer.until((received) => received.some(({ path }) => path.endsWith('?second')))
    const over = customer.received.find(({ path }) => path.endsWith('?second'))
    expect(over?.form.get('CallSid')).toBe(second.sid)
    expect(over?.form.get('DialCallStatus')).toBe('answered')
    expect(customer.received.some(({ path }) => path.endsWith('?first'))).toBe(false)
  })

  test('tells that a dialled phone was answered, as a call of its own', async () => {
    const told = 'statusCallback="/answered" statusCallbackEvent="answered"'
    answers(`<Dial><Number ${told}>+12025550101</Number></Dial>`)
    const { sid } = await callIn()
    await customer.until((received) => received.some(({ path }) => path === '/answered'))
    const { form } = customer.received.find(({ path }) => path === '/answered') ?? {}
    expect(form?.get('ParentCallSid')).toBe(sid)
    expect([form?.get('CallStatus'), form?.get('CallSid') === sid]).toEqual(['in-progress', false])
  })

  test("connects somebody's browser until the call ends", async () => {
    answers('<Dial action="/webhooks/twilio/voice"><Client>ada</Client></Dial>')
    const { sid } = await callIn()
    await expect.poll(() => shown(sid)).toMatchObject({ doing: 'dial ada', status: 'in-progress' })
    await send(`/carrier/calls/${sid}/hangup`)
    await customer.until(() => told().length === 1)
    expect(voice()).toHaveLength(1)
  })

  test('speaks, pauses, presses keys and goes on elsewhere, one after the other', async () => {
    answers('<Say>One two</Say><Pause length="0"/><Play digits="1w2"/><Redirect>/next</Redirect>')
    const { sid } = await callIn()
    await customer.until((received) => received.some(({ path }) => path === '/next'))
    expect((await shown(sid))?.heard).toBe('1w2')
  })

  test('that is none ends the call, as its end does', async () => {
    for (const document of ['<Response><Say>Open', '<Nothing/>', '', '<Response/>']) {
      customer.twimls = [document]
      const before = told().length
      await callIn()
      await customer.until(() => told().length > before)
    }
  })

  test('is left for another address when the customer says so, and for other TwiML', async () => {
    answers('<Enqueue>sales</Enqueue>')
    const { sid } = await callIn()
    await expect.poll(() => shown(sid)).toMatchObject({ doing: 'stay' })
    const Url = `${customer.url}/webhooks/twilio/voice?callId=1`
    expect((await customer.ask(lab, `/Calls/${sid}.json`, { Url, Method: 'POST' })).status).toBe(
      200,
    )
    await customer.until(() => voice().length === 2)
    await expect.poll(() => shown(sid)).toMatchObject({ status: 'in-progress' })
    const Twiml = `<Response><Play digits="12#"/><Redirect>${Url}</Redirect></Response>`
    expect((await customer.ask(lab, `/Calls/${sid}.json`, { Twiml })).status).toBe(200)
    await customer.until(() => voice().length === 3)
    expect((await shown(sid))?.heard).toBe('12#')
    for (const form of [{ Url: 'ftp://x/' }, { Twiml: '<Response>' }, { Status: 'busy' }, {}])
      expect((await customer.ask(lab, `/Calls/${sid}.json`, form)).status).toBe(400)
    await send(`/carrier/calls/${sid}/hangup`)
    const late = await customer.ask(lab, `/Calls/${sid}.json`, { Url })
    expect([late.status, await late.json()]).toMatchObject([400, { code: 21220 }])
  })
})

describe('bad lines', () => {
  const dialFaults = (settings: object) => send('/carrier/faults', settings, 'PUT')

  test('are dialled, shown, and refused when they make no sense', async () => {
    const settings = { loss: 0.5, duplicate: 0.1, delayMs: [10, 20], reorder: 0.2, seed: 7 }
    expect(await (await dialFaults(settings)).json()).toEqual(settings)
    expect(await (await fetch(`${lab.url}/carrier/faults`)).json()).toEqual(settings)
    for (const bad of [{ loss: 2 }, { delayMs: [20, 10] }, { more: 1 }])
      expect((await dialFaults(bad)).status).toBe(422)
  })

  test('lose status webhooks for good, and never the question what to do', async () => {
    await dialFaults({ loss: 1 })
    await customer.place(lab, '+12025550105')
    await customer.until((received) => received.some(({ path }) => path.startsWith('/voice')))
    await dialFaults({})
    await customer.until(() => customer.statuses.includes('completed'))
    expect(customer.statuses).toEqual(['completed'])
  })

  test('send webhooks twice', async () => {
    await dialFaults({ duplicate: 1 })
    await customer.place(lab, '+12025550102')
    await customer.until(() => customer.statuses.filter((one) => one === 'busy').length === 2)
    await customer.until(() => customer.statuses.filter((one) => one === 'initiated').length === 2)
  })

  test('let later webhooks overtake earlier ones', async () => {
    await dialFaults({ reorder: 1, seed: 1 })
    await Promise.all(Array.from({ length: 6 }, () => customer.place(lab, '+12025550102')))
    await customer.until(() => customer.statuses.length === 12)
    const orders = Object.values(
      Object.groupBy(customer.received, ({ form }) => form.get('CallSid') ?? ''),
    ).map((webhooks) => webhooks?.map(({ form }) => form.get('CallStatus')).join())
    expect(orders).toContain('busy,initiated')
  })

  test('delay webhooks and keep their order', async () => {
    await dialFaults({ delayMs: [300, 400] })
    const placedAt = Date.now()
    await customer.place(lab, '+12025550102')
    await customer.until(() => customer.statuses.length === 2)
    expect(Date.now() - placedAt).toBeGreaterThan(290)
    expect(customer.statuses).toEqual(['initiated', 'busy'])
  })
})

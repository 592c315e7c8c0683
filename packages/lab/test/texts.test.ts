import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { sign } from '../src/carrier/sign.ts'
import type { RunningLab } from '../src/index.ts'
import { accountSid, authToken, Customer, startTestLab } from './customer.ts'

let customer: Customer
let lab: RunningLab
beforeEach(async () => {
  customer = await new Customer().listen()
  lab = await startTestLab({ gatewayUrl: customer.url })
})
afterEach(async () => {
  await lab.stop()
  await customer.close()
})

const send = (form: Record<string, string> = {}) =>
  customer.ask(lab, '/Messages.json', {
    To: '+12025550101',
    From: '+12025550100',
    Body: 'hello',
    StatusCallback: `${customer.url}/text-status?messageId=1`,
    ...form,
  })
const write = (text: object) =>
  fetch(`${lab.url}/inbox/sms/inbound`, { method: 'POST', body: JSON.stringify(text) })
const told = () =>
  customer.received.map(({ form }) => [form.get('MessageSid'), form.get('MessageStatus')])

describe('a text', () => {
  test('is told of where its sender asked for it: sent, then delivered, signed', async () => {
    const { sid } = (await (await send()).json()) as { sid: string }
    await customer.until((received) => received.length === 2)
    expect(told()).toEqual([
      [sid, 'sent'],
      [sid, 'delivered'],
    ])
    for (const { url, form, signature } of customer.received)
      expect(signature).toBe(sign(authToken, url, [...form]))
  })

  test('can be looked up by its id, and by who wrote to whom', async () => {
    const { sid } = (await (await send()).json()) as { sid: string }
    await send({ To: '+12025550199' })
    await customer.until((received) => received.length === 4)
    const one = await customer.ask(lab, `/Messages/${sid}.json`)
    expect(await one.json()).toMatchObject({ sid, status: 'delivered', account_sid: accountSid })
    const found = await customer.ask(lab, '/Messages.json?To=%2B12025550101&From=%2B12025550100')
    expect(await found.json()).toMatchObject({ messages: [{ sid, body: 'hello' }] })
    expect((await customer.ask(lab, '/Messages/SM1.json')).status).toBe(404)
    const stranger = await fetch(`${lab.url}/2010-04-01/Accounts/${accountSid}/Messages.json`)
    expect(stranger.status).toBe(401)
  })

  test('is told of until the customer answers', async () => {
    customer.answers = [500, 503]
    await send()
    await customer.until((received) => received.length === 2)
    expect(told().map(([, status]) => status)).toEqual(['sent', 'delivered'])
  })

  test('on WhatsApp keeps the channel before its numbers', async () => {
    const sent = await send({ To: 'whatsapp:+12025550101', From: 'whatsapp:+12025550100' })
    expect(await sent.json()).toMatchObject({ to: 'whatsapp:+12025550101' })
    await customer.until((received) => received.length === 2)
    expect(customer.received[0]?.form.get('To')).toBe('whatsapp:+12025550101')
  })
})

describe('a text to the customer', () => {
  test('comes as a signed webhook', async () => {
    const text = { from: '+12025550101', to: '+12025550100', body: 'Grüße & more' }
    const answer = await write(text)
    const { data } = (await answer.json()) as { data: { sid: string; answer: string } }
    expect([answer.status, data.answer]).toEqual([201, '200'])
    const [received] = customer.received
    expect(received?.path).toBe('/webhooks/twilio/message')
    expect(Object.fromEntries(received?.form ?? [])).toMatchObject({
      MessageSid: data.sid,
      From: text.from,
      To: text.to,
      Body: text.body,
      NumMedia: '0',
    })
    expect(received?.signature).toBe(
      sign(authToken, received?.url ?? '', [...(received?.form ?? [])]),
    )
  })

  test('comes again when nobody was there', async () => {
    customer.answers = [503]
    const answer = await write({ from: '+12025550101', to: '+12025550100', body: 'hello' })
    expect(await answer.json()).toMatchObject({ data: { answer: '503' } })
    await customer.until((received) => received.length === 1)
  })

  test.each([
    {},
    { from: '1', to: '+12025550100', body: 'x' },
    { from: '+12025550101', body: 'x' },
  ])('%j is none', async (text) => {
    expect((await write(text)).status).toBe(422)
    expect(customer.received).toEqual([])
  })
})

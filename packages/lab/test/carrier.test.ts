import { createHmac } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { nextTry } from '../src/carrier/deliver.ts'
import type { RunningLab } from '../src/index.ts'
import { accountSid, authToken, Customer, startTestLab } from './customer.ts'

let lab: RunningLab
let customer: Customer

beforeEach(async () => {
  customer = await new Customer().listen()
  lab = await startTestLab()
})
afterEach(async () => {
  await lab.stop()
  await customer.close()
})

const ended = (statuses: string[]) =>
  statuses.some((status) => !['initiated', 'ringing', 'in-progress'].includes(status))

describe('the people of the contract', () => {
  test.each([
    ['+12025550102', ['initiated', 'busy']],
    ['+12025550104', ['initiated', 'ringing', 'busy']],
    ['+12025550105', ['initiated', 'ringing', 'in-progress', 'completed']],
    ['+12025559999', ['initiated', 'failed']],
  ])('%s goes through %j', async (to, statuses) => {
    await customer.place(lab, to)
    await customer.until(() => ended(customer.statuses))
    expect(customer.statuses).toEqual(statuses)
  })

  test('…0101 answers and stays until the customer hangs up', async () => {
    const { sid } = await customer.place(lab, '+12025550101')
    await customer.until(() => customer.statuses.includes('in-progress'))
    const answer = await customer.ask(lab, `/Calls/${sid}.json`, { Status: 'completed' })
    expect(await answer.json()).toMatchObject({ sid, status: 'completed' })
    await customer.until(() => ended(customer.statuses))
    expect(customer.statuses).toEqual(['initiated', 'ringing', 'in-progress', 'completed'])
  })

  test('…0103 rings until the timeout that the customer asked for', async () => {
    await customer.place(lab, '+12025550103', { Timeout: '1' })
    await customer.until(() => ended(customer.statuses))
    expect(customer.statuses).toEqual(['initiated', 'ringing', 'no-answer'])
  })

  test('…0104 declines with SIP 603', async () => {
    await customer.place(lab, '+12025550104')
    await customer.until(() => ended(customer.statuses))
    expect(customer.received.at(-1)?.form.get('SipResponseCode')).toBe('603')
  })

  test('the carrier of …0106 takes the call and never says a word, not even of its end', async () => {
    const { sid } = await customer.place(lab, '+12025550106')
    await customer.ask(lab, `/Calls/${sid}.json`, { Status: 'completed' })
    // A call that was placed later has been told of: the silent one would have been, too.
    await customer.place(lab, '+12025550102')
    await customer.until(() => ended(customer.statuses))
    expect(customer.received.every(({ form }) => form.get('CallSid') !== sid)).toBe(true)
  })
})

describe('webhooks', () => {
  test('are signed over the address and the sorted parameters', async () => {
    await customer.place(lab, '+12025550102')
    await customer.until(() => ended(customer.statuses))
    for (const { form, signature, url } of customer.received) {
      const sorted = [...form].sort(([a], [b]) => (a < b ? -1 : 1))
      const text = url + sorted.map(([name, value]) => name + value).join('')
      expect(signature).toBe(createHmac('sha1', authToken).update(text).digest('base64'))
    }
  })

  test('are tried again while the customer is away, and arrive in order', async () => {
    customer.answers = [503, 500, 429]
    await customer.place(lab, '+12025550102')
    await customer.until(() => ended(customer.statuses))
    expect(customer.statuses).toEqual(['initiated', 'busy'])
  })

  test('that have waited long are tried again as soon as there is more to tell', async () => {
    customer.answers = Array(5).fill(503)
    const { sid } = await customer.place(lab, '+12025550101')
    await customer.until(() => customer.answers.length === 0)
    // The next try alone would be four seconds away, or more.
    const hungUpAt = Date.now()
    await customer.ask(lab, `/Calls/${sid}.json`, { Status: 'completed' })
    await customer.until(() => ended(customer.statuses))
    expect(Date.now() - hungUpAt).toBeLessThan(1_900)
    expect(customer.statuses[0]).toBe('initiated')
  })

  test('that the customer refuses are not tried again', async () => {
    customer.answers = [403]
    await customer.place(lab, '+12025550102')
    await customer.until(() => ended(customer.statuses))
    expect(customer.statuses).toEqual(['busy'])
  })

  test('wait longer from try to try, a minute at most, and are given up after an hour', () => {
    const delivery = { url: '', kind: 'status' as const, form: [], dueAt: 0, firstAt: 0 }
    const waits = [1, 2, 3, 20].map((attempts) => nextTry({ ...delivery, attempts }, 0, 0))
    expect(waits).toEqual([250, 500, 1000, 60_000])
    expect(nextTry({ ...delivery, attempts: 30 }, 3_600_001, 0)).toBeUndefined()
  })

  test('an answered call does what the TwiML says', async () => {
    customer.twiml = '<Response><Hangup/></Response>'
    await customer.place(lab, '+12025550101')
    await customer.until(() => ended(customer.statuses))
    expect(customer.statuses.at(-1)).toBe('completed')
  })
})

describe('the API', () => {
  test('asks for the account and its token', async () => {
    const calls = `${lab.url}/2010-04-01/Accounts/${accountSid}/Calls.json`
    expect((await fetch(calls)).status).toBe(401)
    const authorization = `Basic ${btoa(`${accountSid}:wrong`)}`
    expect((await fetch(calls, { headers: { authorization } })).status).toBe(401)
  })

  test('gives the same call for the same idempotency key, and lists by number', async () => {
    const first = await customer.place(lab, '+12025550103', {}, 'token-1')
    const again = await customer.place(lab, '+12025550103', {}, 'token-1')
    await customer.place(lab, '+12025550102')
    expect(again.sid).toBe(first.sid)
    const list = await customer.ask(lab, '/Calls.json?To=%2B12025550103')
    expect(await list.json()).toMatchObject({
      calls: [{ sid: first.sid, idempotency_token: 'token-1' }],
    })
  })

  test('answers like Twilio to what is wrong', async () => {
    const bad = await customer.ask(lab, '/Calls.json', { To: '123', From: '+12025550100' })
    expect([bad.status, await bad.json()]).toMatchObject([400, { code: 21211, status: 400 }])
    expect((await customer.ask(lab, '/Calls/CA404.json')).status).toBe(404)
  })

  test('shows its calls to people and programs', async () => {
    const { sid } = await customer.place(lab, '+12025550103')
    const shown = (await (await fetch(`${lab.url}/calls`)).json()) as { data: { sid: string }[] }
    expect(shown.data.map((call) => call.sid)).toEqual([sid])
    expect(await (await fetch(lab.url)).text()).toContain(sid)
  })
})

test('a restart of the lab forgets neither calls nor webhooks that have not arrived', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'lab-'))
  try {
    const before = await startTestLab({ dataDir })
    await customer.close()
    const { sid } = await customer.place(before, '+12025550105')
    await before.stop()
    await customer.listen()
    const after = await startTestLab({ dataDir })
    await customer.until(() => ended(customer.statuses))
    await after.stop()
    expect(customer.statuses).toEqual(['initiated', 'ringing', 'in-progress', 'completed'])
    expect(new Set(customer.received.map(({ form }) => form.get('CallSid')))).toEqual(
      new Set([sid]),
    )
  } finally {
    rmSync(dataDir, { recursive: true })
  }
})

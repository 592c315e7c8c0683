import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { InboxStore } from '../src/inbox/inbox-store.ts'
import type { RunningLab } from '../src/index.ts'
import { accountSid, authToken, startTestLab } from './customer.ts'

let lab: RunningLab
beforeEach(async () => {
  lab = await startTestLab()
})
afterEach(() => lab.stop())

const mail = {
  from: 'Menagerie <no-reply@menagerie.example>',
  to: ['ada@example.com'],
  subject: 'Cellar is too warm',
  text: 'temperature is 31.5, above 30',
  html: '<p>temperature is 31.5, above 30</p>',
}
const send = (body: unknown = mail, headers: Record<string, string> = {}) =>
  fetch(`${lab.url}/emails`, {
    method: 'POST',
    headers: { authorization: 'Bearer re_1', 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })
const sms = (form: Record<string, string>, headers: Record<string, string> = {}) =>
  fetch(`${lab.url}/2010-04-01/Accounts/${accountSid}/Messages.json`, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa(`${accountSid}:${authToken}`)}`, ...headers },
    body: new URLSearchParams(form),
  })
const inbox = async (kind: string, query = '') => {
  const response = await fetch(`${lab.url}/inbox/${kind}${query}`)
  return ((await response.json()) as { data: { id: string; to: string; body: string }[] }).data
}
const planFaults = (kind: string, next: unknown) =>
  fetch(`${lab.url}/inbox/${kind}/faults`, { method: 'PUT', body: JSON.stringify({ next }) })

describe('e-mail', () => {
  test('arrives once for one idempotency key, whose second request gets the same id', async () => {
    const key = { 'idempotency-key': 'n1:email' }
    const first = (await (await send(mail, key)).json()) as { id: string }
    expect(await (await send(mail, key)).json()).toEqual(first)
    expect(await inbox('email')).toMatchObject([
      {
        id: first.id,
        to: 'ada@example.com',
        from: mail.from,
        subject: mail.subject,
        body: mail.text,
        receivedAt: expect.stringMatching(/Z$/),
      },
    ])
    const other = await send({ ...mail, subject: 'Another' }, key)
    expect(other.status).toBe(409)
    expect(await inbox('email')).toHaveLength(1)
  })

  test('without a key arrives as often as it is sent, newest first', async () => {
    await send({ ...mail, subject: 'first' })
    await send({ ...mail, to: 'bob@example.com', subject: 'second' })
    expect(await inbox('email')).toMatchObject([{ subject: 'second' }, { subject: 'first' }])
    expect(await inbox('email', '?to=ada@example.com')).toMatchObject([{ subject: 'first' }])
  })

  test('is refused without a key for the API, and when something is missing', async () => {
    expect((await send(mail, { authorization: '' })).status).toBe(401)
    for (const without of ['from', 'to', 'subject'])
      expect((await send({ ...mail, [without]: undefined })).status).toBe(422)
    expect((await send({ ...mail, text: undefined, html: undefined })).status).toBe(422)
    expect((await send('text')).status).toBe(400)
    expect((await send({ ...mail, text: 'x'.repeat(300_000) })).status).toBe(413)
    expect(await inbox('email')).toEqual([])
  })

  test('asks for the key that the lab was given', async () => {
    await lab.stop()
    lab = await startTestLab({ email: { key: 're_right', faults: ['503'] } })
    expect((await send()).status).toBe(503)
    expect((await send()).status).toBe(403)
    expect((await send(mail, { authorization: 'Bearer re_right' })).status).toBe(200)
  })
})

describe('planned faults', () => {
  test('meet the next requests, one each', async () => {
    await planFaults('email', ['500', '429'])
    expect((await send()).status).toBe(500)
    const limited = await send()
    expect([limited.status, limited.headers.get('retry-after')]).toEqual([429, '1'])
    expect(await inbox('email')).toEqual([])
    expect((await send()).status).toBe(200)
  })

  test('a drop takes the mail and loses the answer; the repeat with its key is no second mail', async () => {
    await planFaults('email', ['drop'])
    const key = { 'idempotency-key': 'n2:email' }
    await expect(send(mail, key)).rejects.toThrow()
    const [arrived] = await inbox('email')
    expect(await (await send(mail, key)).json()).toEqual({ id: arrived?.id })
    expect(await inbox('email')).toHaveLength(1)
  })

  test.each([undefined, 'drop', ['200'], ['explode'], [500]])('%j is no plan', async (next) => {
    expect((await planFaults('sms', next)).status).toBe(422)
  })
})

describe('the other inboxes', () => {
  test('SMS speaks Twilio’s words', async () => {
    const form = { To: '+12025550101', From: '+12025550100', Body: 'Your code is 123456' }
    const made = await sms(form, { 'idempotency-key': 's1' })
    expect([made.status, await made.json()]).toMatchObject([201, { status: 'queued', to: form.To }])
    await sms(form, { 'idempotency-key': 's1' })
    expect(await inbox('sms')).toMatchObject([{ to: form.To, body: form.Body }])
    expect((await sms(form, { authorization: 'Basic x' })).status).toBe(401)
    const bad = await sms({ ...form, To: '123' })
    expect([bad.status, await bad.json()]).toMatchObject([400, { code: 21211 }])
  })

  test('push and webhooks take any body', async () => {
    const post = (path: string, body: string | Uint8Array<ArrayBuffer>) =>
      fetch(`${lab.url}${path}`, { method: 'POST', body })
    expect((await post('/push/sub-1', new Uint8Array([255, 0]))).status).toBe(201)
    expect((await post('/webhooks/crm', '{"type":"call.ended.v1"}')).status).toBe(200)
    expect(await inbox('push')).toMatchObject([{ to: 'sub-1', body: '/wA=' }])
    expect(await inbox('webhook')).toMatchObject([{ to: 'crm', body: '{"type":"call.ended.v1"}' }])
  })

  test('are emptied one by one', async () => {
    await send()
    await fetch(`${lab.url}/webhooks/crm`, { method: 'POST' })
    expect((await fetch(`${lab.url}/inbox/email`, { method: 'DELETE' })).status).toBe(204)
    expect(await inbox('email')).toEqual([])
    expect(await inbox('webhook')).toHaveLength(1)
    expect((await fetch(`${lab.url}/inbox/letters`)).status).toBe(404)
  })
})

test('the page shows what arrived, and nothing of it runs', async () => {
  await send({ ...mail, subject: '<script>alert(1)</script>', text: '"><img src=x>' })
  const page = await (await fetch(lab.url)).text()
  expect(page).toContain('&lt;script&gt;alert(1)&lt;/script&gt;')
  // The page's own script is the only one.
  expect(page.match(/<script/g)).toHaveLength(1)
  expect(page).not.toMatch(/<script>alert|<img/)
})

test('a restart of the lab forgets neither messages nor keys', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'lab-'))
  try {
    await lab.stop()
    lab = await startTestLab({ dataDir })
    const key = { 'idempotency-key': 'n3:email' }
    const first = await (await send(mail, key)).json()
    await lab.stop()
    // Mails may hold codes: the owner's alone.
    expect(statSync(join(dataDir, 'lab-inbox.json')).mode & 0o777).toBe(0o600)
    lab = await startTestLab({ dataDir })
    expect(await (await send(mail, key)).json()).toEqual(first)
    expect(await inbox('email')).toHaveLength(1)
  } finally {
    rmSync(dataDir, { recursive: true })
  }
})

test('an inbox keeps the newest 1,000, and a key for 24 hours', () => {
  const store = new InboxStore(undefined)
  const add = (n: number, now: number) =>
    store.add('push', { to: ['x'], body: String(n) }, `k${n}`, now)
  for (let n = 0; n <= 1_000; n++) add(n, n)
  expect(store.list('push')).toHaveLength(1_000)
  expect(store.list('push').at(-1)?.body).toBe('1')
  const day = 86_400_000
  expect(add(0, day - 1).outcome).toBe('repeated')
  expect(add(0, day).outcome).toBe('new')
})

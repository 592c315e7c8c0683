import { exports } from 'cloudflare:workers'
import { idFromKey, sha256Hex } from '@menagerie/core'
import { beforeAll, describe, expect, test } from 'vitest'
import { twilioSignature } from '../src/carriers/twilio/signature.ts'
import { ask, aUser, type Caller, eventually, placed, testEnv } from './support/api.ts'

const worker = (exports as unknown as { default: Fetcher }).default
const voicePath = '/webhooks/twilio/voice'
const statusPath = '/webhooks/twilio/voice-status'

let agent: Caller
let supervisor: Caller
beforeAll(async () => {
  ;[agent, supervisor] = await Promise.all([aUser('agent'), aUser('supervisor')])
})

let made = 0
/** A number that no other test calls. */
const aNumber = () => `+1202556${String(++made).padStart(4, '0')}`
const aSid = () => `CA${crypto.randomUUID().replaceAll('-', '')}`
const roomId = (sid: string) => idFromKey('carrier', 'twilio voice', sid)

/** Sends what the carrier signed, in the way that a test wants it. */
async function send(
  path: string,
  fields: Record<string, string>,
  how: {
    token?: string
    signedPath?: string
    signature?: string
    body?: string
    type?: string
  } = {},
) {
  const form = new URLSearchParams(fields)
  const { token = testEnv.CARRIER_AUTH_TOKEN, signedPath = path } = how
  const signed = `${testEnv.PUBLIC_URL}${signedPath}`
  const signature = how.signature ?? (await twilioSignature(token, signed, form))
  const response = await worker.fetch(`${testEnv.PUBLIC_URL}${path}`, {
    method: 'POST',
    headers: {
      'content-type': how.type ?? 'application/x-www-form-urlencoded',
      'x-twilio-signature': signature,
    },
    body: how.body ?? form.toString(),
  })
  const text = await response.text()
  return { status: response.status, text, code: text.startsWith('{') ? JSON.parse(text).code : '' }
}

const incoming = (CallSid: string, To: string, From = '+12025550142') => ({
  CallSid,
  From,
  To,
  CallStatus: 'ringing',
  Direction: 'inbound',
})
const aFlow = async (steps: object[], number = aNumber()) => {
  const { status } = await ask(supervisor, 'POST', '/flows', {
    name: 'Front desk',
    numbers: [number],
    steps,
  })
  expect(status).toBe(201)
  return number
}
const callOf = async (id: string) => (await ask(supervisor, 'GET', `/calls/${id}`)).body.data

describe('an incoming call', () => {
  test('follows the flow of the number that was called', async () => {
    const to = await aFlow([
      { type: 'say', text: 'Hello & welcome', language: 'en-GB' },
      { type: 'dial', to: '+12025550155', timeoutSeconds: 25 },
    ])
    const sid = aSid()
    const { status, text } = await send(voicePath, incoming(sid, to))
    const id = await roomId(sid)
    expect(status).toBe(200)
    expect(text).toContain('<Say language="en-GB">Hello &amp; welcome</Say>')
    expect(text).toMatch(/<Dial action="[^"]+callId=[^"]+&amp;participant=p\d+"[^>]* timeout="25"/)
    expect(text).toContain('>+12025550155</Number></Dial>')
    expect(await callOf(id)).toMatchObject({ id, direction: 'inbound', from: '+12025550142', to })
  })

  test('is the same call however often it is told of', async () => {
    const to = await aFlow([{ type: 'dial', to: '+12025550155' }])
    const sid = aSid()
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => send(voicePath, incoming(sid, to))),
    )
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1)
    const { body } = await ask(supervisor, 'GET', `/calls/${await roomId(sid)}/events`)
    const created = body.data.filter((event: { type: string }) => event.type === 'call.created')
    expect(created).toHaveLength(1)
  })

  test('to a number without a flow has failed', async () => {
    const sid = aSid()
    const { text } = await send(voicePath, incoming(sid, aNumber()))
    expect(text).toContain('<Hangup/>')
    await eventually(async () =>
      expect(await callOf(await roomId(sid))).toMatchObject({
        status: 'failed',
        hangupCause: 'no_flow',
      }),
    )
  })

  test.each(['anonymous', '+266696687', '', 'sip:bob@example.com', '+7378742833'])(
    'from "%s" comes from nobody that could be called back',
    async (from) => {
      const sid = aSid()
      const to = await aFlow([{ type: 'dial', to: '+12025550155' }])
      expect((await send(voicePath, incoming(sid, to, from))).status).toBe(200)
      expect((await callOf(await roomId(sid))).from).toBe('anonymous')
    },
  )

  test("is told the end of at the number's own address, and what was dialled at its action", async () => {
    const to = await aFlow([{ type: 'dial', to: '+12025550155' }, { type: 'hangup' }])
    const sid = aSid()
    const { text } = await send(voicePath, incoming(sid, to))
    const action = /<Dial action="([^"]+)"/.exec(text)?.[1]?.replaceAll('&amp;', '&') ?? ''
    const told = /<Number statusCallback="([^"]+)"/.exec(text)?.[1]?.replaceAll('&amp;', '&') ?? ''
    const pathOf = (url: string) => url.slice(testEnv.PUBLIC_URL.length)
    const child = aSid()
    // Its ringing says nothing of the call that dialled it.
    const rings = { CallSid: child, ParentCallSid: sid, CallStatus: 'ringing' }
    expect((await send(pathOf(told), rings)).status).toBe(204)
    const answered = await send(pathOf(told), {
      CallSid: child,
      ParentCallSid: sid,
      CallStatus: 'in-progress',
    })
    expect(answered.status).toBe(204)
    const id = await roomId(sid)
    await eventually(async () => expect((await callOf(id)).status).toBe('in-progress'))
    const ask = { CallSid: sid, CallStatus: 'in-progress', DialCallSid: child }
    const next = await send(pathOf(action), { ...ask, DialCallStatus: 'completed' })
    expect([next.status, next.text]).toEqual([200, expect.stringContaining('<Hangup/>')])
    const end = { CallSid: sid, CallStatus: 'completed', CallDuration: '3' }
    expect((await send(statusPath, end)).status).toBe(204)
    await eventually(async () => expect((await callOf(id)).status).toBe('completed'))
  })

  test('that nobody told of before has no end', async () => {
    const end = { CallSid: aSid(), CallStatus: 'completed' }
    expect((await send(statusPath, end)).status).toBe(404)
  })

  test('needs to say what it is and where it goes', async () => {
    const { To: _, ...nowhere } = incoming(aSid(), '')
    for (const fields of [nowhere, { To: aNumber(), From: '+12025550142' }])
      expect(await send(voicePath, fields)).toMatchObject({
        status: 422,
        code: 'validation_failed',
      })
  })
})

describe('a signature', () => {
  /** A call of ours that rings, and how often something was noted of it. */
  async function aCall() {
    const { body } = await ask(agent, 'POST', '/calls/start', { to: '+12025550106' })
    const { id } = body.data
    const sid = await eventually(async () => {
      const [call] = await placed(id)
      if (call === undefined) throw new Error('The carrier was not asked to dial')
      return call.sid
    })
    const path = `${statusPath}?callId=${id}`
    const seq = async () => (await callOf(id)).seq
    return { id, path, seq, fields: { CallSid: sid, CallStatus: 'ringing', SequenceNumber: '1' } }
  }

  test('that is forged, missing, or of somebody else is refused and changes nothing', async () => {
    const { path, fields, seq } = await aCall()
    const before = await seq()
    for (const how of [
      { signature: 'Zm9yZ2VkIHNpZ25hdHVyZSEhISE=' },
      { signature: '' },
      { token: 'the-token-of-somebody-else' },
      { signedPath: statusPath },
      { body: new URLSearchParams({ ...fields, CallStatus: 'completed' }).toString() },
    ])
      expect(await send(path, fields, how)).toMatchObject({
        status: 403,
        code: 'invalid_signature',
      })
    expect(await seq()).toBe(before)
  })

  test('is taken for the address under /v1, too', async () => {
    const { path, fields } = await aCall()
    expect((await send(path, fields, { signedPath: `/v1${path}` })).status).toBe(204)
  })

  test('covers a body that could be read in two ways: neither is taken', async () => {
    const { path, fields, seq } = await aCall()
    const before = await seq()
    const whole = new URLSearchParams(fields).toString()
    for (const body of [
      whole.replace('CallStatus=ringing', 'CallStatusringing'),
      whole.replace('CallStatus=ringing', 'CallStatus&ringing'),
      `${whole}&`,
      `?${whole}`,
    ])
      expect(await send(path, fields, { body })).toMatchObject({ code: 'invalid_signature' })
    expect(await seq()).toBe(before)
  })

  test('of JSON covers the hash of the body', async () => {
    const { path, fields, id } = await aCall()
    const body = JSON.stringify(fields)
    const hashed = `${path}&bodySHA256=${await sha256Hex(body)}`
    const type = 'application/json'
    const form = {}
    expect(await send(hashed, form, { body: `${body} `, type })).toMatchObject({ status: 403 })
    expect(await send(path, form, { body, type })).toMatchObject({ status: 415 })
    expect(
      await send(hashed, form, { body, type, token: 'another-token-than-ours' }),
    ).toMatchObject({ status: 403 })
    expect(await send(hashed, form, { body, type })).toMatchObject({ status: 204 })
    await eventually(async () => expect((await callOf(id)).status).toBe('ringing'))
  })

  test('on a webhook that is told again, or too late, changes nothing', async () => {
    const { path, fields, seq, id } = await aCall()
    const stale = { ...fields, Timestamp: new Date(Date.now() - 4 * 3_600_000).toUTCString() }
    expect(await send(path, stale)).toMatchObject({ status: 403, code: 'invalid_signature' })
    expect((await callOf(id)).status).toBe('queued')
    const fresh = { ...fields, Timestamp: new Date().toUTCString() }
    expect((await send(path, fresh)).status).toBe(204)
    const after = await seq()
    for (let times = 0; times < 3; times++) expect((await send(path, fresh)).status).toBe(204)
    expect(await seq()).toBe(after)
  })

  test('stands before everything else: without it nobody learns what there is', async () => {
    const signature = 'Zm9yZ2VkIHNpZ25hdHVyZSEhISE='
    for (const path of [voicePath, `${voicePath}?callId=nonsense`, statusPath])
      expect(await send(path, {}, { signature })).toMatchObject({ code: 'invalid_signature' })
  })
})

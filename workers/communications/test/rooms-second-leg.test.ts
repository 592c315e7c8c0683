import { exports } from 'cloudflare:workers'
import { describe, expect, test } from 'vitest'
import { twilioSignature } from '../src/carriers/twilio/signature.ts'
import { ask, aUser, type Caller, eventually, placed, tell, testEnv } from './support/api.ts'
import { callOf, enter, eventsOf, ring, untilStatus } from './support/room-line.ts'

const worker = (exports as unknown as { default: Fetcher }).default
const asked = '+12025550188'

/** A call that was answered, in which its starter now asks a telephone. */
async function consulting(): Promise<{ ada: Caller; id: string; sid: string; leg: string }> {
  const ada = await aUser('agent')
  const { id } = (await ask(ada, 'POST', '/calls/start', { to: '+12025550106' })).body.data
  await enter(ada, id)
  await tell(id, 'in-progress')
  await untilStatus(ada, id, 'in-progress')
  const { body } = await transfer(ada, id, { mode: 'attended', to: asked })
  expect(body.data.status).toBe('on-hold')
  return { ada, id, sid: await sidOf(id), leg: await sidOf(`${id}:l1`) }
}

const transfer = (caller: Caller, id: string, body: object) =>
  ask(caller, 'POST', `/calls/${id}/transfer`, body)

/** The carrier's id of the call that it made with that token. */
const sidOf = (token: string): Promise<string> =>
  eventually(async () => {
    const [call] = await placed(token)
    if (call === undefined) throw new Error('The carrier was not asked to dial')
    return call.sid
  })

/** What the carrier says, or asks, of one of the two calls. */
async function says(
  webhook: 'voice' | 'voice-status',
  id: string,
  fields: { CallSid: string; CallStatus: string },
  query = '',
): Promise<string> {
  const answer = await send(`/webhooks/twilio/${webhook}?callId=${id}${query}`, fields)
  expect(answer.status).toBeLessThan(300)
  return answer.text()
}

async function send(path: string, fields: Record<string, string>): Promise<Response> {
  const form = new URLSearchParams({ ...fields, SequenceNumber: String(++numbers) })
  const url = `${testEnv.PUBLIC_URL}${path}`
  const signature = await twilioSignature(testEnv.CARRIER_AUTH_TOKEN, url, form)
  const type = 'application/x-www-form-urlencoded'
  return worker.fetch(url, {
    method: 'POST',
    headers: { 'content-type': type, 'x-twilio-signature': signature },
    body: form.toString(),
  })
}
let numbers = 0

const stateOf = async (caller: Caller, id: string) =>
  (await callOf(caller, id)).participants.map(
    ({ address, state }: { address: string; state: string }) => `${address} ${state}`,
  )
const hungUp = (token: string) =>
  eventually(async () => expect((await placed(token))[0]?.status).toBe('completed'))
const lastTransfer = async (caller: Caller, id: string) =>
  (await eventsOf(caller, id)).findLast(({ data }) => data.transfer !== undefined)?.data

describe('a telephone that is asked before a transfer', () => {
  test('is connected with who asks, then with the customer, and its hanging up ends the call', async () => {
    const { ada, id, sid, leg } = await consulting()
    const first = { CallSid: sid, CallStatus: 'in-progress' }
    const second = { CallSid: leg, CallStatus: 'in-progress' }
    expect(await says('voice', id, first)).toContain('<Pause')
    expect(await says('voice', id, second, '&leg=l1')).toContain(`<Client>${ada.id}</Client>`)
    expect(await stateOf(ada, id)).toContain(`${asked} joined`)
    expect((await transfer(ada, id, { mode: 'complete' })).body.data.status).toBe('in-progress')
    const room = `>${id}</Conference>`
    expect(await says('voice', id, first)).toContain(`endConferenceOnExit="true"${room}`)
    expect(await says('voice', id, second, '&leg=l1')).toContain(
      `endConferenceOnExit="false"${room}`,
    )
    expect(await stateOf(ada, id)).toEqual([
      `${ada.id} left`,
      '+12025550106 joined',
      `${asked} joined`,
    ])
    await says('voice-status', id, { CallSid: leg, CallStatus: 'completed' }, '&leg=l1')
    expect(await says('voice', id, first)).toContain('<Hangup/>')
    await says('voice-status', id, { CallSid: sid, CallStatus: 'completed' })
    expect(await callOf(ada, id)).toMatchObject({
      status: 'completed',
      hangupCause: 'remote_hangup',
    })
    const statuses = (await eventsOf(ada, id)).filter(({ type }) => type === 'call.status')
    expect(statuses.map(({ data }) => data.status)).toEqual([
      'in-progress',
      'on-hold',
      'in-progress',
      'completed',
    ])
  })

  test.each([
    ['busy', 'busy'],
    ['no-answer', 'no_answer'],
    ['failed', 'carrier_failed'],
  ])('that is %s gives the customer back, and says why', async (status, reason) => {
    const { ada, id, leg } = await consulting()
    await says('voice-status', id, { CallSid: leg, CallStatus: status }, '&leg=l1')
    expect((await callOf(ada, id)).status).toBe('in-progress')
    expect(await lastTransfer(ada, id)).toEqual({ transfer: 'failed', reason })
    expect((await transfer(ada, id, { mode: 'attended', to: asked })).status).toBe(202)
    await sidOf(`${id}:l2`)
  })

  test('is hung up when the question is taken back', async () => {
    const { ada, id, leg } = await consulting()
    await says('voice', id, { CallSid: leg, CallStatus: 'in-progress' }, '&leg=l1')
    expect((await transfer(ada, id, { mode: 'cancel' })).body.data.status).toBe('in-progress')
    await hungUp(`${id}:l1`)
    expect(await stateOf(ada, id)).toContain(`${asked} left`)
    expect(await placed(id)).toMatchObject([{ status: 'queued' }])
    const late = { CallSid: leg, CallStatus: 'in-progress' }
    expect(await says('voice', id, late, '&leg=l1')).toContain('<Hangup/>')
  })

  test('is hung up with the call, whoever ends that', async () => {
    const [one, two] = [await consulting(), await consulting()]
    await ask(one.ada, 'POST', `/calls/${one.id}/hangup`)
    await hungUp(`${one.id}:l1`)
    await hungUp(one.id)
    await says('voice-status', two.id, { CallSid: two.sid, CallStatus: 'completed' })
    await hungUp(`${two.id}:l1`)
    expect(await callOf(two.ada, two.id)).toMatchObject({ hangupCause: 'remote_hangup' })
  })

  test('of which the carrier says nothing is given up', async () => {
    const { ada, id } = await consulting()
    await ring(id, 'consult')
    expect((await callOf(ada, id)).status).toBe('in-progress')
    expect(await lastTransfer(ada, id)).toEqual({ transfer: 'failed', reason: 'ring_timeout' })
    await hungUp(`${id}:l1`)
  })

  test('that the carrier will not dial is no end of the call', async () => {
    const ada = await aUser('agent')
    const { id } = (await ask(ada, 'POST', '/calls/start', { to: '+12025550106' })).body.data
    await enter(ada, id)
    await tell(id, 'in-progress')
    await transfer(ada, id, { mode: 'attended', to: '+9995550100' })
    await untilStatus(ada, id, 'in-progress')
    expect(await lastTransfer(ada, id)).toEqual({ transfer: 'failed', reason: 'carrier_refused' })
  })
})

test('a queue cannot be asked, and an address names a leg by its id only', async () => {
  const { ada, id, leg } = await consulting()
  await transfer(ada, id, { mode: 'cancel' })
  const refused = await transfer(ada, id, { mode: 'attended', to: `queue:${ada.id}` })
  expect([refused.status, refused.body.code]).toEqual([422, 'validation_failed'])
  const fields = { CallSid: leg, CallStatus: 'ringing' }
  const answer = await send(`/webhooks/twilio/voice-status?callId=${id}&leg=other`, fields)
  expect(answer.status).toBe(404)
})

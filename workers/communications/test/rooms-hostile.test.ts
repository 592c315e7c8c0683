import { newId } from '@menagerie/core'
import type { CallRoomApi, IncomingCall } from '@menagerie/durable-objects/call-room'
import { beforeAll, describe, expect, test } from 'vitest'
import { ask, aUser, type Caller, connect, eventually, testEnv } from './support/api.ts'
import { callOf, enter, eventsOf, Line, untilStatus } from './support/room-line.ts'

const roomOf = (id: string) => testEnv.CALL_ROOM.getByName(id) as unknown as CallRoomApi

let supervisor: Caller
beforeAll(async () => {
  supervisor = await aUser('supervisor')
})

const queue = async (): Promise<string> =>
  (await ask(supervisor, 'POST', '/queues', { name: `queue ${newId()}` })).body.data.id

/** Two people who talk, and the id of each in the call. */
async function talking() {
  const [ada, bob] = await Promise.all([aUser('agent'), aUser('agent')])
  const { id } = (await ask(ada, 'POST', '/calls/start', { to: `user:${bob.id}` })).body.data
  const line = await enter(ada, id)
  await ask(bob, 'POST', `/calls/${id}/answer`)
  await untilStatus(ada, id, 'in-progress')
  return { ada, bob, id, line }
}

/** A call that came in, as its webhook told of it, and how it is told again. */
async function incoming(flow: IncomingCall['flow']) {
  const id = newId()
  const callSid = `CA${id.replaceAll('-', '')}`
  const call = { id, callSid, from: '+12025550123', to: '+12025550177', flow }
  const told = async () => {
    const answer = await roomOf(id).receive(call)
    if (!answer.ok) throw new Error(answer.error.code)
    return answer.value
  }
  return { id, callSid, first: await told(), told }
}

const accepted = (callId: string, queueId: string, agentId: string) =>
  roomOf(callId).agentAccepted({
    callId,
    offer: 1,
    reservationId: newId(),
    agentId,
    queueId,
    at: Date.now(),
  })

describe('who was taken out of a call', () => {
  test('comes in with no ticket from before, and learns nothing (S68)', async () => {
    const { ada, bob, id } = await talking()
    await ask(ada, 'POST', `/calls/${id}/transfer`, {
      mode: 'attended',
      to: `user:${supervisor.id}`,
    })
    const { ticket } = (await ask(bob, 'POST', `/calls/${id}/ticket`)).body.data
    const bobIs = (await callOf(ada, id)).participants.find(
      ({ address }: { address: string }) => address === bob.id,
    ).id
    expect((await ask(ada, 'DELETE', `/calls/${id}/participants/${bobIs}`)).status).toBe(200)
    const response = await connect(`/calls/${id}/ws`, {
      'sec-websocket-protocol': `menagerie.v1, ticket.${ticket}`,
    })
    if (response.webSocket === null) throw new Error('no socket')
    const late = new Line(response.webSocket)
    await eventually(() => expect(late.closedWith).toBe(4403))
    expect(late.frames).toEqual([])
  })
})

describe('a message', () => {
  test('that came too early is refused, and taken when it is sent again', async () => {
    const [ada, bob] = await Promise.all([aUser('agent'), aUser('agent')])
    const { id } = (await ask(ada, 'POST', '/calls/start', { to: `user:${bob.id}` })).body.data
    const line = await enter(bob, id)
    const message = { clientMessageId: 'hello', body: 'hello' }
    const early = await line.answered('message.send', 'm1', message)
    expect([early.type, early.data.code]).toEqual(['error', 'forbidden'])
    await line.answered('call.answer', 'a')
    const taken = await line.answered('message.send', 'm2', message)
    const again = await line.answered('message.send', 'm3', message)
    expect([taken.type, again.type]).toEqual(['ack', 'ack'])
    expect(again.data.seq).toBe(taken.data.seq)
    const events = await eventsOf(bob, id)
    expect(events.filter(({ type }) => type === 'message.created')).toHaveLength(1)
    await ask(ada, 'POST', `/calls/${id}/hangup`)
    await untilStatus(ada, id, 'completed')
  })
})

describe('a queue that is not there', () => {
  test('takes no waiting call: it keeps its place', async () => {
    const queueId = await queue()
    const { id } = await incoming({ id: newId(), steps: [{ type: 'enqueue', queueId }] })
    const before = await callOf(supervisor, id)
    const wrong = { queueId: newId() }
    const refused = await ask(supervisor, 'POST', `/calls/${id}/requeue`, wrong)
    expect([refused.status, refused.body.code]).toEqual([422, 'validation_failed'])
    expect(await callOf(supervisor, id)).toEqual(before)
    // Who may not move calls learns nothing of queues.
    const agent = await aUser('agent')
    expect((await ask(agent, 'POST', `/calls/${id}/requeue`, wrong)).status).toBe(403)
  })

  test('takes no call that people talk in, over HTTP or a socket', async () => {
    const { ada, id, line } = await talking()
    const wrong = { mode: 'blind', to: `queue:${newId()}` }
    const refused = await ask(ada, 'POST', `/calls/${id}/transfer`, wrong)
    expect([refused.status, refused.body.code]).toEqual([422, 'validation_failed'])
    const frame = await line.answered('call.transfer', 't', wrong)
    expect([frame.type, frame.data.code]).toEqual(['error', 'validation_failed'])
    expect((await callOf(ada, id)).status).toBe('in-progress')
  })

  test('is no reason to answer a repeat differently', async () => {
    const [from, to] = await Promise.all([queue(), queue()])
    const { id } = await incoming({ id: newId(), steps: [{ type: 'enqueue', queueId: from }] })
    const key = { 'idempotency-key': newId() }
    const moves = [to, from].map((queueId) => ({ queueId }))
    const first = await ask(supervisor, 'POST', `/calls/${id}/requeue`, moves[0], key)
    expect(first.status).toBe(202)
    await ask(supervisor, 'POST', `/calls/${id}/requeue`, moves[1])
    await eventually(async () =>
      expect((await ask(supervisor, 'DELETE', `/queues/${to}`)).status).toBe(204),
    )
    const again = await ask(supervisor, 'POST', `/calls/${id}/requeue`, moves[0], key)
    expect([again.status, again.headers.get('idempotent-replayed')]).toEqual([202, 'true'])
  })
})

describe('the webhook of a call that came in, told again', () => {
  const welcome = { type: 'say', text: 'Welcome' } as const

  test('gets what the call shall do by now, with the same words first', async () => {
    const [queueId, agent] = await Promise.all([queue(), aUser('agent')])
    const flow = { id: newId(), steps: [welcome, { type: 'enqueue', queueId }] } as const
    const { id, first, told } = await incoming(flow)
    expect(first).toEqual([welcome, { type: 'enqueue', queueId }])
    expect(await told()).toEqual(first)
    expect(await accepted(id, queueId, agent.id)).toMatchObject({ ok: true })
    expect(await told()).toMatchObject([welcome, { type: 'dial-user', userId: agent.id }])
  })

  test('gets a hang-up once the call has ended', async () => {
    const queueId = await queue()
    const flow = { id: newId(), steps: [welcome, { type: 'enqueue', queueId }] } as const
    const { id, callSid, told } = await incoming(flow)
    const report = { callSid, status: 'completed', rejected: false, durationSeconds: null } as const
    await roomOf(id).carrierStatus({ report, sequence: '1' })
    expect(await told()).toEqual([{ type: 'hangup' }])
    expect(await callOf(supervisor, id)).toMatchObject({ status: 'canceled' })
  })
})

test('what an agent writes down is text in the CSV file, never a formula or another row', async () => {
  const { ada, id } = await talking()
  const disposition = '=HYPERLINK("http://x","a"),\n+1'
  await ask(ada, 'POST', `/calls/${id}/disposition`, { disposition })
  await ask(ada, 'POST', `/calls/${id}/hangup`)
  await eventually(async () => {
    const { body } = await ask(ada, 'GET', '/calls/history?format=csv')
    const [, ...rows] = String(body).split('\r\n')
    expect(rows).toHaveLength(2)
    expect(rows[0]).toContain(`,"'=HYPERLINK(""http://x"",""a""),\n+1",hangup`)
  })
})

test('an agent asks for a proof of a range that is empty, reversed or beyond the end', async () => {
  const { ada, id } = await talking()
  for (const range of ['from=5&to=2', 'from=900&to=999', 'from=999999999999999']) {
    const { status } = await ask(ada, 'GET', `/calls/${id}/proof?${range}`)
    // Accounts, which signs, is not there in these tests.
    expect([200, 503]).toContain(status)
  }
  expect((await ask(ada, 'GET', `/calls/${id}/proof?from=0`)).status).toBe(422)
})

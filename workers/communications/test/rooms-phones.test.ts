import { newId } from '@menagerie/core'
import type {
  CallRoomApi,
  CarrierWebhook,
  DialOutcome,
  Instruction,
} from '@menagerie/durable-objects/call-room'
import { beforeAll, describe, expect, test } from 'vitest'
import { ask, aUser, type Caller, eventually, tell, testEnv } from './support/api.ts'
import {
  atDesk,
  callOf,
  enter,
  eventsOf,
  hasTimer,
  type Line,
  ring,
  untilStatus,
} from './support/room-line.ts'

const roomOf = (id: string) => testEnv.CALL_ROOM.getByName(id) as unknown as CallRoomApi
const number = '+12025550177'
const customer = '+12025550123'

let supervisor: Caller
beforeAll(async () => {
  supervisor = await aUser('supervisor')
})

type Steps = NonNullable<Parameters<CallRoomApi['receive']>[0]['flow']>['steps']

/** A call that comes in and what the carrier was told. */
async function incoming(
  steps: Steps | null,
): Promise<{ id: string; callSid: string; told: Instruction[] }> {
  const id = newId()
  const callSid = `CA${id.replaceAll('-', '')}`
  const flow = steps === null ? null : { id: newId(), steps }
  const received = await roomOf(id).receive({ id, callSid, from: customer, to: number, flow })
  if (!received.ok) throw new Error(received.error.code)
  return { id, callSid, told: received.value }
}

const said = (callSid: string, status: CarrierWebhook['report']['status']): CarrierWebhook => ({
  report: { callSid, status, rejected: false, durationSeconds: null },
  sequence: newId(),
})

/** What the carrier is told when it asks again. */
async function asked(id: string, callSid: string, dial?: DialOutcome): Promise<Instruction[]> {
  const webhook = said(callSid, 'in-progress')
  const answer = await roomOf(id).ask({ webhook, ...(dial === undefined ? {} : { dial }) })
  if (!answer.ok) throw new Error(answer.error.code)
  return answer.value
}

const queue = async (): Promise<string> => {
  const body = { name: `queue ${newId()}` }
  return (await ask(supervisor, 'POST', '/queues', body)).body.data.id
}

/** An agent who is connected, available and serves that queue. */
async function ready(queueId: string): Promise<{ agent: Caller; desk: Line }> {
  const agent = await aUser('agent')
  await ask(supervisor, 'PUT', `/agents/${agent.id}`, {
    queueIds: [queueId],
    skills: [],
    wrapUpSeconds: 5,
  })
  const desk = await atDesk(agent)
  await ask(agent, 'PUT', '/agents/me/activity', { name: 'available' })
  return { agent, desk }
}

async function take({ agent, desk }: { agent: Caller; desk: Line }, id: string): Promise<void> {
  const { data } = await desk.until(
    'reservation.created',
    ({ reservation }) => reservation.contact.callId === id,
  )
  const accepted = await ask(agent, 'POST', `/reservations/${data.reservation.id}/accept`)
  expect(accepted.status).toBeLessThan(300)
}

describe('a call that comes in', () => {
  test('to a number without a flow has failed, and is hung up', async () => {
    const { id, told } = await incoming(null)
    expect(told).toEqual([{ type: 'hangup' }])
    expect(await callOf(supervisor, id)).toMatchObject({
      status: 'failed',
      hangupCause: 'no_flow',
      direction: 'inbound',
    })
  })

  test('is told once what its flow says; the repeat of the webhook gets the same', async () => {
    const queueId = await queue()
    const steps: Steps = [
      { type: 'say', text: 'Welcome', language: 'en' },
      { type: 'enqueue', queueId },
    ]
    const { id, callSid, told } = await incoming(steps)
    const expected = [
      { type: 'say', text: 'Welcome', language: 'en' },
      { type: 'enqueue', queueId },
    ]
    expect(told).toEqual(expected)
    const repeat = await roomOf(id).receive({ id, callSid, from: customer, to: number, flow: null })
    expect(repeat).toEqual({ ok: true, value: expected })
    expect(await asked(id, callSid)).toEqual([{ type: 'enqueue', queueId }])
  })

  test('rings at a user of the flow, then goes on with the next step', async () => {
    const bob = await aUser('agent')
    const desk = await atDesk(bob)
    const { id, callSid, told } = await incoming([
      { type: 'dial', to: `user:${bob.id}`, timeoutSeconds: 20 },
      { type: 'dial', to: '+12025550144', timeoutSeconds: 15 },
      { type: 'hangup' },
    ])
    expect(told).toEqual([{ type: 'wait' }])
    await desk.until('call.status', (data) => data.callId === id && data.status === 'ringing')
    await untilStatus(bob, id, 'ringing')
    await ask(bob, 'POST', `/calls/${id}/reject`)
    const dial = await asked(id, callSid)
    expect(dial).toMatchObject([
      { type: 'dial-number', number: '+12025550144', callerId: number, timeoutSeconds: 15 },
    ])
    const participantId = dial[0]?.type === 'dial-number' ? dial[0].participantId : ''
    expect(await asked(id, callSid, { participantId, status: 'no-answer' })).toEqual([
      { type: 'hangup' },
    ])
    await roomOf(id).carrierStatus(said(callSid, 'completed'))
    expect(await callOf(supervisor, id)).toMatchObject({
      status: 'completed',
      hangupCause: 'flow_ended',
    })
  })

  test('that a user of the flow answers is connected with their browser', async () => {
    const bob = await aUser('agent')
    const { id, callSid } = await incoming([
      { type: 'dial', to: `user:${bob.id}`, timeoutSeconds: 20 },
    ])
    await enter(bob, id)
    await untilStatus(bob, id, 'ringing')
    await ask(bob, 'POST', `/calls/${id}/answer`)
    const [dial] = await asked(id, callSid)
    expect(dial).toMatchObject({ type: 'dial-user', userId: bob.id })
    expect(await callOf(bob, id)).toMatchObject({ status: 'in-progress', agentId: bob.id })
    await roomOf(id).carrierStatus(said(callSid, 'completed'))
    expect(await callOf(bob, id)).toMatchObject({
      status: 'completed',
      hangupCause: 'remote_hangup',
    })
  })
})

describe('a call in a queue', () => {
  test('goes to an agent who takes it, with its wait in the record, and the work after it', async () => {
    const queueId = await queue()
    const at = await ready(queueId)
    const { id, callSid } = await incoming([{ type: 'enqueue', queueId }])
    await take(at, id)
    const call = await untilStatus(at.agent, id, 'in-progress')
    expect(call).toMatchObject({ queueId, agentId: at.agent.id, waitSeconds: expect.any(Number) })
    expect(await asked(id, callSid)).toMatchObject([{ type: 'dial-user', userId: at.agent.id }])
    await roomOf(id).carrierStatus(said(callSid, 'completed'))
    const work = { callId: id, agentId: at.agent.id, seconds: 12 }
    await roomOf(id).afterContactWork(work)
    await roomOf(id).afterContactWork(work)
    expect(await callOf(at.agent, id)).toMatchObject({
      status: 'completed',
      afterContactWorkSeconds: 12,
    })
    await eventually(async () => {
      const { data } = (await ask(at.agent, 'GET', '/calls/history')).body
      const row = data.find((one: { id: string }) => one.id === id)
      expect(row).toMatchObject({ queueId, agentId: at.agent.id, afterContactWorkSeconds: 12 })
      expect([row.offeredAt, row.waitSeconds]).toEqual([call.offeredAt, call.waitSeconds])
    })
  })

  test('is one agent’s only: the second to accept gets conflict, a repeat gets the same', async () => {
    const { id } = await incoming([{ type: 'enqueue', queueId: await queue() }])
    const { queueId } = await callOf(supervisor, id)
    const [ada, bob] = await Promise.all([aUser('agent'), aUser('agent')])
    const accept = (agent: Caller, reservationId: string) =>
      roomOf(id).agentAccepted({
        callId: id,
        offer: 1,
        reservationId,
        agentId: agent.id,
        queueId,
        at: Date.now(),
      })
    const [first, second] = [newId(), newId()]
    expect(await accept(ada, first)).toEqual({ ok: true, value: null })
    expect(await accept(bob, second)).toMatchObject({ ok: false, error: { code: 'conflict' } })
    expect(await accept(ada, first)).toEqual({ ok: true, value: null })
    const joined = (await eventsOf(supervisor, id)).filter(
      ({ type, data }) => type === 'participant.joined' && data.kind === 'user',
    )
    expect(joined.map(({ data }) => data.address)).toEqual([ada.id])
  })

  test('comes back to the queue, first of all, when its agent is gone for 15 s', async () => {
    const queueId = await queue()
    const at = await ready(queueId)
    const { id, callSid } = await incoming([{ type: 'enqueue', queueId }])
    await take(at, id)
    const { offeredAt } = await untilStatus(at.agent, id, 'in-progress')
    const line = await enter(at.agent, id)
    line.close()
    await eventually(async () => expect(await hasTimer(id, 'gone:')).toBe(true))
    await ask(at.agent, 'PUT', '/agents/me/activity', { name: 'offline' })
    await ring(id, 'gone:')
    const waiting = await untilStatus(supervisor, id, 'on-hold')
    expect([waiting.offeredAt, waiting.agentId]).toEqual([offeredAt, null])
    expect(await asked(id, callSid)).toEqual([{ type: 'enqueue', queueId }])
    const next = await ready(queueId)
    const { data } = await next.desk.until(
      'reservation.created',
      ({ reservation }) => reservation.contact.callId === id,
    )
    expect(data.reservation.contact.priority).toBe(100)
    await take(next, id)
    expect((await untilStatus(next.agent, id, 'in-progress')).agentId).toBe(next.agent.id)
  })

  test('whose caller leaves is canceled as abandoned, and waits nowhere', async () => {
    const queueId = await queue()
    const { id, callSid } = await incoming([{ type: 'enqueue', queueId }])
    const contacts = async () =>
      (await ask(supervisor, 'GET', `/queues/${queueId}/contacts`)).body.data
    await eventually(async () => expect(await contacts()).toHaveLength(1))
    await roomOf(id).carrierStatus(said(callSid, 'completed'))
    expect(await callOf(supervisor, id)).toMatchObject({
      status: 'canceled',
      hangupCause: 'abandoned',
    })
    await eventually(async () => expect(await contacts()).toHaveLength(0))
  })

  test('is moved to another queue by supervisors alone, from where its wait began', async () => {
    const [from, to] = await Promise.all([queue(), queue()])
    const { id } = await incoming([{ type: 'enqueue', queueId: from }])
    const { offeredAt } = await callOf(supervisor, id)
    const agent = await aUser('agent')
    expect((await ask(agent, 'POST', `/calls/${id}/requeue`, { queueId: to })).status).toBe(403)
    const moved = await ask(supervisor, 'POST', `/calls/${id}/requeue`, {
      queueId: to,
      priority: 9,
    })
    expect(moved.body.data).toMatchObject({ queueId: to, offeredAt, status: 'queued' })
    const contacts = async (queueId: string) =>
      (await ask(supervisor, 'GET', `/queues/${queueId}/contacts`)).body.data.length
    await eventually(async () => expect([await contacts(from), await contacts(to)]).toEqual([0, 1]))
  })

  test('that does not exist is told to the caller, and the call has failed', async () => {
    const { id, callSid } = await incoming([{ type: 'enqueue', queueId: newId() }])
    await eventually(async () => {
      const told = await asked(id, callSid)
      expect(told.map(({ type }) => type)).toEqual(['say', 'hangup'])
    })
    await roomOf(id).carrierStatus(said(callSid, 'completed'))
    expect(await callOf(supervisor, id)).toMatchObject({
      status: 'failed',
      hangupCause: 'queue_missing',
    })
  })
})

describe('a call to a phone', () => {
  const answered = async (
    more: object = {},
  ): Promise<{ ada: Caller; id: string; line: Line; callSid: string }> => {
    const ada = await aUser('agent')
    const { id } = (await ask(ada, 'POST', '/calls/start', { to: '+12025550106', ...more })).body
      .data
    const line = await enter(ada, id)
    await tell(id, 'in-progress')
    await untilStatus(ada, id, 'in-progress')
    const placed = (await (await fetch(`${testEnv.CARRIER_API_URL}/calls`)).json()) as {
      data: { token: string; sid: string }[]
    }
    return { ada, id, line, callSid: placed.data.find(({ token }) => token === id)?.sid ?? '' }
  }

  test('is held at the carrier, and taken back', async () => {
    const { ada, id, callSid } = await answered()
    expect((await ask(ada, 'POST', `/calls/${id}/hold`)).body.data.status).toBe('on-hold')
    expect(await asked(id, callSid)).toEqual([{ type: 'wait' }])
    await ask(ada, 'POST', `/calls/${id}/resume`)
    await tell(id, 'completed', 9)
    expect((await callOf(ada, id)).status).toBe('completed')
  })

  test('is transferred to another phone, which is asked back when that is busy', async () => {
    const { ada, id, callSid } = await answered()
    const transfer = { mode: 'blind', to: '+12025550155' }
    expect((await ask(ada, 'POST', `/calls/${id}/transfer`, transfer)).status).toBe(202)
    const [dial] = await asked(id, callSid)
    expect(dial).toMatchObject({
      type: 'dial-number',
      number: '+12025550155',
      callerId: '+12025550100',
    })
    const participantId = dial?.type === 'dial-number' ? dial.participantId : ''
    expect(await asked(id, callSid, { participantId, status: 'busy' })).toEqual([{ type: 'wait' }])
    expect((await ask(ada, 'POST', `/calls/${id}/answer`)).body.data.agentId).toBe(ada.id)
    await ask(ada, 'POST', `/calls/${id}/transfer`, transfer)
    await asked(id, callSid, { participantId, status: 'answered' })
    expect((await callOf(ada, id)).participants).toMatchObject([
      { state: 'left' },
      { state: 'joined' },
      { state: 'joined' },
    ])
    expect(await asked(id, callSid, { participantId, status: 'completed' })).toEqual([
      { type: 'hangup' },
    ])
    await tell(id, 'completed', 9)
    expect(await callOf(ada, id)).toMatchObject({
      status: 'completed',
      hangupCause: 'remote_hangup',
    })
  })

  test('cannot be made a phone’s by those who may not call', async () => {
    const [ada, user] = await Promise.all([aUser('agent'), aUser('user')])
    const { id } = (await ask(ada, 'POST', '/calls/start', { to: `user:${user.id}` })).body.data
    await Promise.all([enter(ada, id), enter(user, id)])
    await ask(user, 'POST', `/calls/${id}/answer`)
    const refused = await ask(user, 'POST', `/calls/${id}/transfer`, {
      mode: 'blind',
      to: '+12025550155',
    })
    expect([refused.status, refused.body.code]).toEqual([403, 'forbidden'])
  })

  test('goes into a queue, and to the agent who takes it there', async () => {
    const queueId = await queue()
    const { ada, id, callSid } = await answered()
    const at = await ready(queueId)
    await ask(ada, 'POST', `/calls/${id}/transfer`, { mode: 'blind', to: `queue:${queueId}` })
    expect(await asked(id, callSid)).toEqual([{ type: 'enqueue', queueId }])
    await take(at, id)
    expect(await untilStatus(at.agent, id, 'in-progress')).toMatchObject({
      agentId: at.agent.id,
      queueId,
    })
  })

  test('follows the flow that it names once the callee answers', async () => {
    const steps = [{ type: 'say', text: 'This is a reminder' }, { type: 'hangup' }]
    const made = await ask(supervisor, 'POST', '/flows', { name: `flow ${newId()}`, steps })
    expect(made.status).toBe(201)
    const { ada, id, callSid } = await answered({ flowId: made.body.data.id })
    expect(await asked(id, callSid)).toEqual([
      { type: 'say', text: 'This is a reminder' },
      { type: 'hangup' },
    ])
    await tell(id, 'completed', 9)
    expect(await callOf(ada, id)).toMatchObject({ status: 'completed', hangupCause: 'flow_ended' })
  })
})

test('the welcome of a call brings ICE servers', async () => {
  const ada = await aUser('agent')
  const { id } = (await ask(ada, 'POST', '/calls/start', { to: '+12025550106' })).body.data
  const line = await enter(ada, id)
  expect(line.frames[0]?.data.snapshot).toMatchObject({ id, iceServers: [] })
})

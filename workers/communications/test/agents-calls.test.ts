import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { newId } from '@menagerie/core'
import type { CallRoomApi } from '@menagerie/durable-objects/call-room'
import { beforeAll, describe, expect, test } from 'vitest'
import { ask, aUser, type Caller, connect, eventually, testEnv, webhook } from './support/api.ts'

let supervisor: Caller
beforeAll(async () => {
  supervisor = await aUser('supervisor')
})

const me = async (caller: Caller) => (await ask(caller, 'GET', '/agents/me')).body.data

/** An agent at work in that queue, with a device that says nothing. */
async function atWork(queueId: string, profile: object = {}): Promise<Caller> {
  const caller = await aUser('agent')
  await ask(supervisor, 'PUT', `/agents/${caller.id}`, {
    queueIds: [queueId],
    skills: [],
    ...profile,
  })
  const authorization = `Bearer ${caller.token}`
  const { webSocket } = await connect('/agents/me/ws', { authorization })
  webSocket?.accept()
  await ask(caller, 'PUT', '/agents/me/activity', { name: 'available' })
  return caller
}

const createQueue = async (): Promise<string> =>
  (await ask(supervisor, 'POST', '/queues', { name: 'Calls' })).body.data.id

/** A customer calls and waits in the queue. */
async function customer(queueId: string) {
  const id = newId()
  const callSid = `CA${newId().replaceAll('-', '')}`
  const room = testEnv.CALL_ROOM.getByName(id) as unknown as CallRoomApi
  const from = '+12025550133'
  const flow = { id: newId(), steps: [{ type: 'enqueue' as const, queueId }] }
  const received = await room.receive({ id, callSid, from, to: '+12025550100', flow })
  expect(received.ok).toBe(true)
  return { id, callSid }
}

/** The contact that an agent was offered. */
const offered = (caller: Caller, callId: string): Promise<string> =>
  eventually(async () => {
    const { reservations } = await me(caller)
    const found = reservations.find(
      (one: { state: string; contact: { callId: string } }) =>
        one.state === 'pending' && one.contact.callId === callId,
    )
    if (found === undefined) throw new Error('nothing was offered')
    return found.id
  })

/** Changes what a desk has saved, and has it read that. */
async function rewrite(
  { id }: Caller,
  // biome-ignore lint/suspicious/noExplicitAny: the desk's own state, which only its object knows
  change: (desk: any) => void,
): Promise<void> {
  const desk = testEnv.AGENT_DESK.getByName(id)
  await runInDurableObject(desk, (_object, { storage }) => {
    const [row] = storage.sql.exec<{ state: string }>('SELECT state FROM object').toArray()
    const state = JSON.parse(row?.state ?? '{}')
    change(state)
    storage.sql.exec('UPDATE object SET state = ?', JSON.stringify(state))
  })
  await evictDurableObject(desk)
}

/** The room has been silent for too long. */
async function ringUnjoined({ id }: Caller, reservationId: string): Promise<void> {
  const desk = testEnv.AGENT_DESK.getByName(id)
  await runInDurableObject(desk, (_object, { storage }) => {
    storage.sql.exec('UPDATE object SET timer_generation = timer_generation + 1')
    storage.sql.exec(
      `INSERT OR REPLACE INTO timers (name, at, data, generation, attempts, retry_at)
       SELECT ?, 0, 'null', timer_generation, 0, 0 FROM object`,
      `unjoined:${reservationId}`,
    )
  })
  await runDurableObjectAlarm(desk)
}

describe('a customer who waits in a queue', () => {
  test('is offered to an agent, who talks, and works after the call', async () => {
    const queueId = await createQueue()
    const agent = await atWork(queueId, { wrapUpSeconds: 30 })
    const call = await customer(queueId)
    const reservationId = await offered(agent, call.id)
    const accepted = await ask(agent, 'POST', `/reservations/${reservationId}/accept`)
    expect(accepted.body.data).toMatchObject({ state: 'accepted', contact: { callId: call.id } })
    await eventually(async () => {
      expect(await me(agent)).toMatchObject({
        activity: 'busy',
        contacts: [{ callId: call.id, queueId }],
        reservations: [{ id: reservationId, state: 'accepted' }],
      })
      const { body } = await ask(agent, 'GET', `/calls/${call.id}`)
      expect(body.data).toMatchObject({ status: 'in-progress', agentId: agent.id, queueId })
    })
    expect((await ask(agent, 'POST', `/calls/${call.id}/hangup`)).status).toBe(202)
    await webhook(call.id, {
      CallSid: call.callSid,
      CallStatus: 'completed',
      SequenceNumber: '9',
    })
    await eventually(async () =>
      expect(await me(agent)).toMatchObject({ activity: 'after-contact-work', contacts: [] }),
    )
    await rewrite(agent, (desk) => {
      desk.work.since -= 12_000
    })
    const chosen = await ask(agent, 'PUT', '/agents/me/activity', { name: 'break' })
    expect(chosen.body.data).toMatchObject({ activity: 'break' })
    await eventually(async () => {
      const { body } = await ask(agent, 'GET', `/calls/${call.id}`)
      expect(body.data.afterContactWorkSeconds).toBeGreaterThanOrEqual(12)
    })
  })

  test('is had by one agent of two, and never by one who let the contact go', async () => {
    const queueId = await createQueue()
    const first = await atWork(queueId, { wrapUpSeconds: 0 })
    const call = await customer(queueId)
    const reservationId = await offered(first, call.id)
    const second = await atWork(queueId, { wrapUpSeconds: 0 })
    expect((await ask(first, 'POST', `/reservations/${reservationId}/reject`)).status).toBe(200)
    const other = await offered(second, call.id)
    expect((await ask(second, 'POST', `/reservations/${other}/accept`)).status).toBe(200)
    await eventually(async () =>
      expect((await me(second)).contacts).toMatchObject([{ callId: call.id }]),
    )
    expect((await ask(first, 'POST', `/reservations/${reservationId}/accept`)).status).toBe(409)
    expect(await me(first)).toMatchObject({ activity: 'available', contacts: [] })
  })

  test('who leaves is taken from the agent again', async () => {
    const queueId = await createQueue()
    const agent = await atWork(queueId)
    const call = await customer(queueId)
    const reservationId = await offered(agent, call.id)
    await webhook(call.id, { CallSid: call.callSid, CallStatus: 'completed', SequenceNumber: '5' })
    await eventually(async () =>
      expect((await me(agent)).reservations).toMatchObject([
        { id: reservationId, state: 'canceled' },
      ]),
    )
    expect(await me(agent)).toMatchObject({ activity: 'available', contacts: [] })
  })

  test('is offered, answered and ended once, although queue, desk and room die again and again', async () => {
    const queueId = await createQueue()
    const agent = await atWork(queueId, { wrapUpSeconds: 0 })
    const deaths = { stop: false }
    const call = await customer(queueId)
    const objects = [
      testEnv.CONTACT_QUEUE.getByName(queueId),
      testEnv.AGENT_DESK.getByName(agent.id),
      testEnv.CALL_ROOM.getByName(call.id),
    ]
    const killing = (async () => {
      while (!deaths.stop) for (const object of objects) await evictDurableObject(object)
    })()
    try {
      const reservationId = await offered(agent, call.id)
      const accept = () => ask(agent, 'POST', `/reservations/${reservationId}/accept`)
      // Who was cut off asks again.
      await eventually(async () => expect([200, 409]).toContain((await accept()).status))
      await eventually(async () =>
        expect((await me(agent)).contacts).toMatchObject([{ callId: call.id, queueId }]),
      )
      await eventually(async () =>
        expect((await ask(agent, 'POST', `/calls/${call.id}/hangup`)).status).toBe(202),
      )
      const over = { CallSid: call.callSid, CallStatus: 'completed', SequenceNumber: '9' }
      await eventually(async () => expect((await webhook(call.id, over)).status).toBeLessThan(300))
      await eventually(async () =>
        expect(await me(agent)).toMatchObject({ activity: 'available', contacts: [] }),
      )
      await eventually(async () => {
        const { body } = await ask(supervisor, 'GET', `/queues/${queueId}/stats`)
        expect(body.data).toMatchObject({ waiting: 0, offered: 1, answered: 1, ready: 1 })
      })
    } finally {
      deaths.stop = true
      await killing
    }
  })

  test('keeps the place of an agent whom its room has, although its word was lost', async () => {
    const queueId = await createQueue()
    const agent = await atWork(queueId, { wrapUpSeconds: 0 })
    const call = await customer(queueId)
    const reservationId = await offered(agent, call.id)
    await ask(agent, 'POST', `/reservations/${reservationId}/accept`)
    await eventually(async () => expect((await me(agent)).contacts).toHaveLength(1))
    const forget = async () => {
      await rewrite(agent, (desk) => {
        desk.contacts = []
        desk.left = []
        desk.reservations[0].holds = true
      })
      await ringUnjoined(agent, reservationId)
    }
    await forget()
    expect(await me(agent)).toMatchObject({ activity: 'busy', contacts: [] })
    // The room has ended, and says so.
    await ask(agent, 'POST', `/calls/${call.id}/hangup`)
    await webhook(call.id, { CallSid: call.callSid, CallStatus: 'completed', SequenceNumber: '9' })
    await eventually(async () =>
      expect((await ask(agent, 'GET', `/calls/${call.id}`)).body.data.status).toBe('completed'),
    )
    await forget()
    await eventually(async () => expect(await me(agent)).toMatchObject({ activity: 'available' }))
  })
})

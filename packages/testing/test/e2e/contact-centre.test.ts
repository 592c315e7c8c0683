import type { Session } from '@menagerie/client'
import { agents, calls, flows, queues } from '@menagerie/contracts/routes'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { followCall, signInAs, upTo } from '../../src/follow-call.ts'
import { type DeskTab, openDesk } from '../../src/follow-desk.ts'
import { type HarnessSystem, startHarness, waitFor } from '../../src/index.ts'
import { readCapture } from '../../src/verify/read-capture.ts'
import { verifyCapture } from '../../src/verify/verify-capture.ts'

const NUMBER = '+12025550120'
const CUSTOMER = '+12025550181'

let system: HarnessSystem
let agent: Session
let supervisor: Session
let queueId: string

beforeAll(async () => {
  system = await startHarness({ lab: true, seed: true })
  ;[agent, supervisor] = await Promise.all([
    signInAs(system, 'agent'),
    signInAs(system, 'supervisor'),
  ])
  const { data: queue } = await supervisor.client.call(queues.create, {
    body: { name: 'Support', reservationTimeoutSeconds: 5 },
  })
  queueId = queue.id
  await supervisor.client.call(flows.create, {
    body: {
      name: 'Support line',
      numbers: [NUMBER],
      steps: [
        { type: 'say', text: 'Welcome.' },
        { type: 'enqueue', queueId },
      ],
    },
  })
})

afterAll(() => system?.stop())

/** Somebody rings the support line. Returns the carrier's id of the call. */
async function ring(from = CUSTOMER): Promise<string> {
  const response = await fetch(`${system.labUrl}/carrier/inbound`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ from, to: NUMBER }),
  })
  expect(response.status).toBe(201)
  return ((await response.json()) as { sid: string }).sid
}

const customerHangsUp = (sid: string) =>
  fetch(`${system.labUrl}/carrier/calls/${sid}/hangup`, { method: 'POST' })

const callOf = async (id: string, session = supervisor) =>
  (await session.client.call(calls.get, { params: { id } })).data
const statusOf = async (id: string) => (await callOf(id)).status
const activityOf = async () => (await agent.client.call(agents.me)).data.activity
const choose = (name: 'available' | 'break' | 'offline') =>
  agent.client.call(agents.setActivity, { body: { name } })
const becomes = <T>(look: () => Promise<T>, wanted: T, what: string) =>
  waitFor(async () => (await look()) === wanted, { what, timeoutMs: 15_000 })

/** The call that waits in the queue. */
const waiting = () =>
  waitFor(
    async () => {
      const { data } = await supervisor.client.call(queues.contacts, { params: { id: queueId } })
      return data[0]
    },
    { what: 'a contact to wait', timeoutMs: 15_000 },
  )

describe('a call to the support line', () => {
  const tabs: DeskTab[] = []
  afterAll(() => {
    for (const { socket } of tabs) socket.close()
  })

  it('goes through queue, reservation, two tabs, hold, a refresh and after-contact work, and is proved', async () => {
    await agent.client.call(agents.me)
    const [first, second] = [await openDesk(agent), await openDesk(agent)]
    tabs.push(first, second)
    await choose('available')
    const sid = await ring()
    const [created, seenToo] = await Promise.all([
      first.wait('reservation.created'),
      second.wait('reservation.created'),
    ])
    expect(seenToo).toEqual(created)
    const { reservation } = created
    expect(reservation).toMatchObject({
      state: 'pending',
      queueName: 'Support',
      history: [],
      contact: { queueId, from: CUSTOMER, to: NUMBER, direction: 'inbound' },
    })
    expect(reservation.waitSeconds).toBeGreaterThanOrEqual(0)
    const { callId } = reservation.contact
    expect(await callOf(callId)).toMatchObject({ status: 'queued', queueId, direction: 'inbound' })

    await first.socket.send('reservation.accept', { id: reservation.id })
    // The other tab falls silent.
    expect(await second.wait('reservation.accepted')).toMatchObject({ id: reservation.id })
    await becomes(() => statusOf(callId), 'in-progress', 'the call to be taken')
    const taken = await callOf(callId)
    expect(taken.agentId).not.toBeNull()
    expect(taken.offeredAt).not.toBeNull()
    expect(taken.answeredAt).not.toBeNull()
    expect(taken.waitSeconds).toBeGreaterThanOrEqual(0)
    await becomes(activityOf, 'busy', 'the agent to be busy')

    const room = followCall(agent, callId)
    await waitFor(() => room.connections() === 1, { what: 'the room' })
    await room.socket.send('call.hold', {})
    await becomes(() => statusOf(callId), 'on-hold', 'the call to be on hold')
    // A refresh of the page: all sockets go and come again.
    room.socket.close()
    const again = followCall(agent, callId)
    await waitFor(() => again.connections() === 1, { what: 'the room again' })
    await again.socket.send('call.resume', {})
    await becomes(() => statusOf(callId), 'in-progress', 'the call to go on')
    await choose('break')
    expect((await agent.client.call(agents.me)).data).toMatchObject({
      activity: 'busy',
      nextActivity: 'break',
    })

    await agent.client.call(calls.hangup, { params: { id: callId } })
    await becomes(() => statusOf(callId), 'completed', 'the call to end')
    await becomes(activityOf, 'after-contact-work', 'the work after the contact')
    await agent.client.call(calls.disposition, {
      params: { id: callId },
      body: { disposition: 'solved', notes: 'Wanted to know the hours.' },
    })
    await choose('break')
    await becomes(activityOf, 'break', 'the break')
    const ended = await waitFor(
      async () => {
        const call = await callOf(callId)
        return call.disposition === 'solved' ? call : undefined
      },
      { what: 'the disposition' },
    )
    expect(ended).toMatchObject({ status: 'completed', notes: 'Wanted to know the hours.' })
    await waitFor(() => again.statuses().at(-1) === 'completed', { what: 'the end in the room' })
    expect(again.seqs()).toEqual(upTo(again.seqs().length))
    expect(again.statuses().filter((status) => status === 'completed')).toHaveLength(1)
    again.socket.close()
    await customerHangsUp(sid)

    // Whoever has the events and the proof needs nobody's word.
    const events = await supervisor.client.call(calls.events, {
      params: { id: callId },
      query: { limit: 200 },
    })
    const proof = await supervisor.client.call(calls.proof, { params: { id: callId } })
    const jwks = await fetch(`${system.url}/auth/realms/menagerie/protocol/openid-connect/certs`)
    const texts = [JSON.stringify(events), JSON.stringify(proof), await jwks.text()]
    expect(await verifyCapture(readCapture(texts))).toMatchObject({ ok: true, fromSeq: 1 })
    const without = { ...events, data: events.data.toSpliced(2, 1) }
    expect(await verifyCapture(readCapture([JSON.stringify(without), ...texts.slice(1)]))).toEqual({
      ok: false,
      detail: 'Event 3 is missing',
    })
  }, 60_000)

  it('waits while nobody is there, and is abandoned when the customer leaves', async () => {
    const sid = await ring()
    const { callId, position } = await waiting()
    expect(position).toBe(1)
    await customerHangsUp(sid)
    await becomes(() => statusOf(callId), 'canceled', 'the call to be abandoned')
    expect(await callOf(callId)).toMatchObject({ hangupCause: 'abandoned', answeredAt: null })
    const stats = await waitFor(
      async () => {
        const { data } = await supervisor.client.call(queues.stats, { params: { id: queueId } })
        return data.abandoned === 1 ? data : undefined
      },
      { what: 'the queue to count it' },
    )
    expect(stats).toMatchObject({ waiting: 0, offered: 2, answered: 1 })
  }, 30_000)

  it('is assigned the moment an agent is there, with the calls before it', async () => {
    const sid = await ring()
    const { callId } = await waiting()
    await choose('available')
    const { reservation } = await (tabs[0] as DeskTab).wait('reservation.created', 2)
    expect(reservation.contact.callId).toBe(callId)
    expect(
      reservation.history.map(({ hangupCause }: { hangupCause: string }) => hangupCause),
    ).toEqual(['abandoned', 'hangup'])
    await agent.client.call(agents.reject, { params: { id: reservation.id } })
    // The only agent there is gets it again.
    const { reservation: another } = await (tabs[0] as DeskTab).wait('reservation.created', 3)
    expect(another.contact.callId).toBe(callId)
    await agent.client.call(agents.accept, { params: { id: another.id } })
    await becomes(() => statusOf(callId), 'in-progress', 'the call to be taken')
    await customerHangsUp(sid)
    await becomes(() => statusOf(callId), 'completed', 'the call to end')
    expect(await callOf(callId)).toMatchObject({ hangupCause: 'remote_hangup' })
  }, 40_000)

  it('goes back to the queue when a supervisor signs the agent out, and to another queue on request', async () => {
    await becomes(activityOf, 'after-contact-work', 'the work after the contact')
    await choose('available')
    const sid = await ring()
    const before = (tabs[0] as DeskTab).of('reservation.created').length
    const { reservation } = await (tabs[0] as DeskTab).wait(
      'reservation.created',
      Math.max(4, before),
    )
    const { callId } = reservation.contact
    await supervisor.client.call(agents.signOut, { params: { id: reservation.agentId } })
    await becomes(activityOf, 'offline', 'the agent to be off')
    const contact = await waiting()
    expect(contact).toMatchObject({ callId, reservation: null })
    const { data: other } = await supervisor.client.call(queues.create, {
      body: { name: 'Second line' },
    })
    await supervisor.client.call(calls.requeue, {
      params: { id: callId },
      body: { queueId: other.id },
    })
    const moved = await waitFor(
      async () => {
        const { data } = await supervisor.client.call(queues.contacts, { params: { id: other.id } })
        return data[0]
      },
      { what: 'the contact in the other queue' },
    )
    expect(moved).toMatchObject({ callId, offeredAt: contact.offeredAt })
    await customerHangsUp(sid)
    await becomes(() => statusOf(callId), 'canceled', 'the call to end')
    const history = await supervisor.client.call(calls.history, {
      query: { queueId: other.id },
    })
    if (typeof history === 'string') throw new Error('the history came as CSV')
    expect(history.data.map(({ id }) => id)).toEqual([callId])
  }, 40_000)
})

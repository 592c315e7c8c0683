import { evictDurableObject, runInDurableObject } from 'cloudflare:test'
import { newId } from '@menagerie/core'
import type { AgentDeskApi } from '@menagerie/durable-objects/agent-desk'
import type { ContactQueueApi, OfferedContact } from '@menagerie/durable-objects/contact-queue'
import { beforeAll, describe, expect, test } from 'vitest'
import { hideQueue, showQueue } from '../src/db/queues.ts'
import { ask, aUser, type Caller, connect, eventually, testEnv } from './support/api.ts'

interface Frame {
  type: string
  seq?: number
  // biome-ignore lint/suspicious/noExplicitAny: tests read whatever members a frame has
  data: any
}

/** A socket and what came over it; `batch` frames unpacked. */
class Line {
  readonly frames: Frame[] = []
  closedWith: number | undefined
  readonly #socket: WebSocket

  constructor(socket: WebSocket) {
    this.#socket = socket
    socket.addEventListener('message', ({ data }) => {
      const frame = JSON.parse(String(data)) as Frame
      this.frames.push(...(frame.type === 'batch' ? frame.data.events : [frame]))
    })
    socket.addEventListener('close', ({ code }) => {
      this.closedWith = code
    })
    socket.accept()
  }

  send(type: string, id: string, data: object = {}): void {
    this.#socket.send(JSON.stringify({ type, id, data }))
  }

  async until(type: string, matches: (data: Frame['data']) => boolean = () => true) {
    return eventually(() => {
      const found = this.frames.find((frame) => frame.type === type && matches(frame.data))
      if (found === undefined) throw new Error(`no ${type} yet`)
      return found
    })
  }
}

let supervisor: Caller
let agent: Caller
let user: Caller
beforeAll(async () => {
  ;[supervisor, agent, user] = await Promise.all([
    aUser('supervisor'),
    aUser('agent'),
    aUser('user'),
  ])
})

async function open(caller: Caller, path: string): Promise<Line> {
  const { body } = await ask(caller, 'POST', `${path}/ticket`)
  const offered = `menagerie.v1, ticket.${body.data.ticket}`
  const response = await connect(`${path}/ws`, { 'sec-websocket-protocol': offered })
  if (response.webSocket === null) throw new Error(`no socket: ${response.status}`)
  return new Line(response.webSocket)
}

const create = async (body: object = {}): Promise<string> =>
  (await ask(supervisor, 'POST', '/queues', { name: 'Support', ...body })).body.data.id
const queueOf = (id: string) =>
  testEnv.CONTACT_QUEUE.getByName(id) as unknown as ContactQueueApi & DurableObjectStub
const statsOf = async (id: string) => (await ask(agent, 'GET', `/queues/${id}/stats`)).body.data
const contactsOf = async (id: string) =>
  (await ask(supervisor, 'GET', `/queues/${id}/contacts`)).body.data

const contact = (change: Partial<OfferedContact> = {}): OfferedContact => ({
  callId: newId(),
  offer: 1,
  direction: 'inbound',
  from: '+12025550177',
  to: '+12025550100',
  priority: null,
  skills: [],
  offeredAt: Date.now(),
  metadata: {},
  ...change,
})

/** An agent at work in that queue, with a device. */
async function atWork(queueId: string, profile: object = {}) {
  const caller = await aUser('agent')
  await ask(supervisor, 'PUT', `/agents/${caller.id}`, {
    queueIds: [queueId],
    skills: [],
    wrapUpSeconds: 0,
    ...profile,
  })
  const line = await open(caller, '/agents/me')
  await line.until('welcome')
  await ask(caller, 'PUT', '/agents/me/activity', { name: 'available' })
  await eventually(async () => {
    // Available, or taken already by what waited.
    const { agents } = await statsOf(queueId)
    expect(agents.available + agents.busy).toBeGreaterThan(0)
  })
  return { caller, line }
}

describe('queues', () => {
  test('are made, read, changed and listed at once', async () => {
    const made = await ask(supervisor, 'POST', '/queues', { name: 'Sales', skills: ['en'] })
    expect(made.status).toBe(201)
    expect(made.body.data).toMatchObject({
      name: 'Sales',
      skills: ['en'],
      priority: 50,
      reservationTimeoutSeconds: 20,
      serviceLevelSeconds: 20,
      version: 1,
    })
    const { id } = made.body.data
    const read = await ask(agent, 'GET', `/queues/${id}`)
    expect([read.status, read.headers.get('etag'), read.body.data]).toEqual([
      200,
      '"1"',
      made.body.data,
    ])
    const patched = await ask(supervisor, 'PATCH', `/queues/${id}`, { name: 'Sales, north' })
    expect([patched.status, patched.headers.get('etag')]).toEqual([200, '"2"'])
    const { data } = (await ask(agent, 'GET', '/queues?limit=200')).body
    expect(data).toContainEqual(patched.body.data)
  })

  test('are changed only at the version that If-Match names', async () => {
    const id = await create()
    const patch = (ifMatch: string) =>
      ask(supervisor, 'PATCH', `/queues/${id}`, { priority: 60 }, { 'if-match': ifMatch })
    const stale = await patch('"7"')
    expect([stale.status, stale.body.code]).toEqual([412, 'precondition_failed'])
    expect((await patch('"1"')).body.data).toMatchObject({ priority: 60, version: 2 })
    expect((await patch('no tag')).status).toBe(422)
    // What changes nothing makes no version.
    expect((await patch('*')).body.data.version).toBe(2)
  })

  test('with a known Idempotency-Key are made once', async () => {
    const key = { 'idempotency-key': newId() }
    const make = (name: string) => ask(supervisor, 'POST', '/queues', { name }, key)
    const [first, again] = [await make('Once'), await make('Once')]
    expect(again.body.data).toEqual(first.body.data)
    expect(again.headers.get('idempotent-replayed')).toBe('true')
    expect((await make('Twice')).body.code).toBe('idempotency_mismatch')
  })

  test('are listed by name, page by page', async () => {
    const mark = newId().slice(-12)
    for (const name of ['c', 'a', 'b']) await create({ name: `~${mark} ${name}` })
    const names: string[] = []
    let cursor = ''
    do {
      const { body } = await ask(agent, 'GET', `/queues?limit=2${cursor}`)
      names.push(...body.data.map(({ name }: { name: string }) => name))
      cursor = body.meta.nextCursor ? `&cursor=${body.meta.nextCursor}` : ''
    } while (cursor !== '')
    const ours = names.filter((name) => name.includes(mark))
    expect(ours).toEqual([`~${mark} a`, `~${mark} b`, `~${mark} c`])
    expect((await ask(agent, 'GET', '/queues?cursor=x')).status).toBe(422)
  })

  test('are removed when nobody waits, and then there is nothing', async () => {
    const id = await create()
    const line = await open(supervisor, `/queues/${id}`)
    const waiting = contact()
    await queueOf(id).offer(waiting)
    const refused = await ask(supervisor, 'DELETE', `/queues/${id}`)
    expect([refused.status, refused.body.code]).toEqual([409, 'conflict'])
    await queueOf(id).withdraw({ callId: waiting.callId, offer: 1, reason: 'abandoned' })
    expect((await ask(supervisor, 'DELETE', `/queues/${id}`)).status).toBe(204)
    const after = await Promise.all([
      ask(agent, 'GET', `/queues/${id}`),
      ask(agent, 'GET', `/queues/${id}/stats`),
      ask(supervisor, 'PATCH', `/queues/${id}`, { priority: 1 }),
      ask(supervisor, 'DELETE', `/queues/${id}`),
      ask(supervisor, 'POST', `/queues/${id}/ticket`),
    ])
    expect(after.map(({ status }) => status)).toEqual([404, 404, 404, 404, 404])
    expect(await queueOf(id).offer(contact())).toEqual({ ok: false, error: { code: 'not_found' } })
    const { data } = (await ask(agent, 'GET', '/queues?limit=200')).body
    expect(data.some((queue: { id: string }) => queue.id === id)).toBe(false)
    await eventually(() => expect(line.closedWith).toBe(4410))
  })

  test('do not fail for a list that is away', async () => {
    const { body } = await ask(agent, 'GET', `/queues/${await create()}`)
    const away = {
      prepare() {
        throw new Error('D1 is away')
      },
    } as unknown as D1Database
    await showQueue(away, body.data)
    await hideQueue(away, body.data.id, 0)
  })

  test('are for supervisors to change, for agents to see, and nobody else', async () => {
    const id = await create()
    const answers = await Promise.all([
      ask(undefined, 'GET', '/queues'),
      ask(user, 'GET', '/queues'),
      ask(agent, 'POST', '/queues', { name: 'x' }),
      ask(agent, 'PATCH', `/queues/${id}`, { priority: 1 }),
      ask(agent, 'GET', `/queues/${id}/contacts`),
      ask(agent, 'POST', `/queues/${id}/ticket`),
      ask(supervisor, 'POST', '/queues', { name: '' }),
      ask(supervisor, 'PATCH', `/queues/${id}`, {}),
      ask(agent, 'GET', `/queues/${newId()}`),
    ])
    expect(answers.map(({ status }) => status)).toEqual([
      401, 403, 403, 403, 403, 403, 422, 422, 404,
    ])
  })
})

describe('contacts', () => {
  test('wait by priority and time, once each, and leave', async () => {
    const id = await create()
    const at = Date.now()
    const [late, early, urgent] = [
      contact({ offeredAt: at - 1_000 }),
      contact({ offeredAt: at - 9_000 }),
      contact({ priority: 90 }),
    ]
    for (const one of [late, early, urgent, early]) await queueOf(id).offer(one)
    const waiting = await contactsOf(id)
    expect(waiting.map(({ callId }: { callId: string }) => callId)).toEqual([
      urgent.callId,
      early.callId,
      late.callId,
    ])
    expect(waiting[0]).toMatchObject({ position: 1, reservation: null, queueId: id })
    expect(await queueOf(id).offer(late)).toEqual({ ok: true, value: { position: 3 } })
    expect(await statsOf(id)).toMatchObject({ waiting: 3, offered: 3, longestWaitSeconds: 9 })
    for (const { callId } of [early, late, early])
      await queueOf(id).withdraw({ callId, offer: 1, reason: 'abandoned' })
    // A repeat that was on its way for long does not wait again.
    await queueOf(id).offer(early)
    expect(await statsOf(id)).toMatchObject({
      waiting: 1,
      offered: 3,
      abandoned: 2,
      shortAbandons: 1,
      serviceLevel: 0,
    })
  })

  test('that were withdrawn before they came do not come', async () => {
    const id = await create()
    const { callId, ...rest } = contact()
    await queueOf(id).withdraw({ callId, offer: 1, reason: 'moved' })
    await queueOf(id).offer({ callId, ...rest })
    expect((await statsOf(id)).waiting).toBe(0)
    await queueOf(id).offer({ callId, ...rest, offer: 2 })
    expect((await statsOf(id)).waiting).toBe(1)
  })

  test('are listed page by page', async () => {
    const id = await create()
    for (let count = 0; count < 5; count++) await queueOf(id).offer(contact())
    const first = await ask(supervisor, 'GET', `/queues/${id}/contacts?limit=3`)
    const { nextCursor } = first.body.meta
    const rest = await ask(supervisor, 'GET', `/queues/${id}/contacts?limit=3&cursor=${nextCursor}`)
    const positions = [...first.body.data, ...rest.body.data].map(({ position }) => position)
    expect(positions).toEqual([1, 2, 3, 4, 5])
  })

  test('go to an agent at work at once, with all the agent must know', async () => {
    const id = await create({ name: 'Billing' })
    const { caller, line } = await atWork(id)
    const waiting = contact({ offeredAt: Date.now() - 3_000, metadata: { case: '7' } })
    await queueOf(id).offer(waiting)
    const created = await line.until('reservation.created')
    expect(created.data.reservation).toMatchObject({
      agentId: caller.id,
      state: 'pending',
      queueName: 'Billing',
      contact: { callId: waiting.callId, from: waiting.from, metadata: { case: '7' } },
    })
    expect((await contactsOf(id))[0].reservation.agentId).toBe(caller.id)
    const reservationId = created.data.reservation.id
    expect((await ask(caller, 'POST', `/reservations/${reservationId}/accept`)).status).toBe(200)
    await eventually(async () =>
      expect(await statsOf(id)).toMatchObject({
        waiting: 0,
        answered: 1,
        answeredWithinServiceLevel: 1,
        serviceLevel: 1,
      }),
    )
  })

  test('that waited before are assigned as soon as somebody comes', async () => {
    const id = await create()
    const waiting = contact()
    await queueOf(id).offer(waiting)
    const { line } = await atWork(id)
    const created = await line.until('reservation.created')
    expect(created.data.reservation.contact.callId).toBe(waiting.callId)
  })

  test('go to the next agent when one refuses, and back to a lone agent after a moment', async () => {
    const id = await create()
    const one = await atWork(id)
    await queueOf(id).offer(contact())
    const first = await one.line.until('reservation.created')
    const refusedAt = Date.now()
    await ask(one.caller, 'POST', `/reservations/${first.data.reservation.id}/reject`)
    const again = await one.line.until(
      'reservation.created',
      ({ reservation }) => reservation.id !== first.data.reservation.id,
    )
    expect(Date.now() - refusedAt).toBeGreaterThan(1_900)
    const other = await atWork(id)
    await ask(one.caller, 'POST', `/reservations/${again.data.reservation.id}/reject`)
    await other.line.until('reservation.created')
  })

  test('wait on when the object has gone from memory', async () => {
    const id = await create()
    const [first, second] = [contact(), contact()]
    await queueOf(id).offer(first)
    await queueOf(id).offer(second)
    await queueOf(id).withdraw({ callId: first.callId, offer: 1, reason: 'abandoned' })
    await evictDurableObject(queueOf(id) as never)
    expect(await statsOf(id)).toMatchObject({ waiting: 1, offered: 2, abandoned: 1 })
    expect((await contactsOf(id))[0].callId).toBe(second.callId)
    const { line } = await atWork(id)
    await line.until('reservation.created')
  })

  test('that leave are taken from the agent they were kept for', async () => {
    const id = await create()
    const { line } = await atWork(id)
    const waiting = contact()
    await queueOf(id).offer(waiting)
    const created = await line.until('reservation.created')
    await queueOf(id).withdraw({ callId: waiting.callId, offer: 1, reason: 'abandoned' })
    await line.until('reservation.canceled', (data) => data.id === created.data.reservation.id)
  })

  test('go on when a desk knows nothing of its agent', async () => {
    const id = await create()
    const nobody = newId()
    await queueOf(id).agentChanged({
      agentId: nobody,
      version: 3,
      serves: true,
      activity: 'available',
      skills: [],
      free: 1,
      reservations: [],
      idleSince: 0,
    })
    const waiting = contact()
    await queueOf(id).offer(waiting)
    const { line } = await atWork(id)
    await line.until('reservation.created', ({ reservation }) => {
      return reservation.contact.callId === waiting.callId
    })
  })

  test('of a queue that is new are known to the agents who may serve it', async () => {
    const skill = `s-${newId().slice(-12)}`
    const caller = await aUser('agent')
    await ask(supervisor, 'PUT', `/agents/${caller.id}`, { skills: [skill] })
    const line = await open(caller, '/agents/me')
    await line.until('welcome')
    await ask(caller, 'PUT', '/agents/me/activity', { name: 'available' })
    await eventually(async () => {
      const { data } = (await ask(supervisor, 'GET', '/agents?activity=available&limit=200')).body
      expect(data.some((one: { id: string }) => one.id === caller.id)).toBe(true)
    })
    const id = await create({ skills: [skill] })
    // Contacts of other queues may keep the agent from being ready.
    await eventually(async () => expect((await statsOf(id)).agents.available).toBe(1))
    const desk = testEnv.AGENT_DESK.getByName(caller.id) as unknown as AgentDeskApi
    expect((await desk.get(caller.id)).ok).toBe(true)
  })
})

describe('the socket of a queue', () => {
  test('welcomes with settings and numbers, then tells events and every change of the numbers', async () => {
    const id = await create({ name: 'Wall' })
    const line = await open(supervisor, `/queues/${id}`)
    const welcome = await line.until('welcome')
    expect(welcome.data.snapshot).toMatchObject({
      queue: { id, name: 'Wall' },
      stats: { queueId: id, waiting: 0 },
    })
    const count = 20
    for (let sent = 0; sent < count; sent++) await queueOf(id).offer(contact())
    await line.until('queue.stats', ({ waiting }) => waiting === count)
    const offered = await eventually(() => {
      const found = line.frames.filter(({ type }) => type === 'contact.offered')
      expect(found).toHaveLength(count)
      return found
    })
    // Nobody's number is in a journal.
    expect(JSON.stringify(offered)).not.toContain('+1202')
    expect(offered.map(({ seq }) => seq)).toEqual(offered.map((_, index) => index + 2))
    line.send('call.answer', 'f1')
    expect((await line.until('error')).data).toMatchObject({ code: 'invalid_request' })
  })
})

describe('what happens in a queue', () => {
  test('is kept with its rows, and CloudEvents leave once', async () => {
    const id = await create()
    const { callId } = contact()
    await queueOf(id).offer(contact({ callId }))
    const bodies = await runInDurableObject(queueOf(id) as never, (_object, { storage }) =>
      storage.sql
        .exec<{ body: string }>(`SELECT body FROM outbox WHERE destination = 'history'`)
        .toArray()
        .map(({ body }) => JSON.parse(body)),
    )
    expect(bodies).toHaveLength(1)
    expect(bodies[0]).toMatchObject({
      type: 'contact.offered.v1',
      subject: callId,
      data: { callId, queueId: id, offer: 1 },
    })
  })
})

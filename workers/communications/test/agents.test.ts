import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { newId, type Principal } from '@menagerie/core'
import type { AgentDesk, AgentDeskApi, ReserveCommand } from '@menagerie/durable-objects/agent-desk'
import { beforeAll, describe, expect, test } from 'vitest'
import { ask, aUser, type Caller, connect, eventually, testEnv } from './support/api.ts'

interface Frame {
  type: string
  seq?: number
  // biome-ignore lint/suspicious/noExplicitAny: tests read whatever members a frame has
  data: any
}

/** A device's socket and what came over it; `batch` frames unpacked. */
class Tab {
  readonly frames: Frame[] = []
  readonly #socket: WebSocket

  constructor(socket: WebSocket) {
    this.#socket = socket
    socket.addEventListener('message', ({ data }) => {
      const frame = JSON.parse(String(data)) as Frame
      this.frames.push(...(frame.type === 'batch' ? frame.data.events : [frame]))
    })
    socket.accept()
  }

  send(type: string, id: string, data: object = {}): void {
    this.#socket.send(JSON.stringify({ type, id, data }))
  }

  close(): void {
    this.#socket.close(1000)
  }

  until(type: string, matches: (data: Frame['data']) => boolean = () => true): Promise<Frame> {
    return eventually(() => {
      const found = this.frames.find((frame) => frame.type === type && matches(frame.data))
      if (found === undefined) throw new Error(`no ${type} yet`)
      return found
    })
  }
}

/** A device of the caller's, connected. */
async function open(caller: Caller): Promise<Tab> {
  const { body } = await ask(caller, 'POST', '/agents/me/ticket')
  const offered = `menagerie.v1, ticket.${body.data.ticket}`
  const response = await connect('/agents/me/ws', { 'sec-websocket-protocol': offered })
  if (response.webSocket === null) throw new Error(`no socket: ${response.status}`)
  const tab = new Tab(response.webSocket)
  await tab.until('welcome')
  return tab
}

const stubOf = (id: string) => testEnv.AGENT_DESK.getByName(id)
/** Until the desk's sockets have got all and it is kept that they have: a real hibernation comes seconds after that. */
const quiet = (id: string) =>
  eventually(() =>
    runInDurableObject(stubOf(id), (_: AgentDesk, state) => {
      const { head } = state.storage.sql.exec('SELECT max(seq) AS head FROM events').one()
      for (const ws of state.getWebSockets()) expect(ws.deserializeAttachment().cursor).toBe(head)
    }),
  )
/** The account as its token says. */
const principalOf = ({ id, sessionId }: Caller) =>
  ({
    kind: 'user',
    id,
    sessionId,
    issuedAt: Date.now(),
    expiresAt: Date.now() + 900_000,
  }) as unknown as Principal
const deskOf = (id: string) => stubOf(id) as unknown as AgentDeskApi
const me = async (caller: Caller) => (await ask(caller, 'GET', '/agents/me')).body.data
const choose = (caller: Caller, name: string) => ask(caller, 'PUT', '/agents/me/activity', { name })

/** Lets the desk's timers of that name ring now. */
async function ring(id: string, name: string): Promise<void> {
  await runInDurableObject(stubOf(id), (_object, { storage }) => {
    storage.sql.exec('UPDATE timers SET at = 0, retry_at = 0 WHERE name LIKE ?', `${name}%`)
  })
  // An alarm that is under way already may have looked at its timers before.
  await eventually(async () => {
    await runDurableObjectAlarm(stubOf(id))
    const due = 'SELECT 1 FROM timers WHERE at = 0'
    const left = await runInDurableObject(
      stubOf(id),
      (_object, { storage }) => storage.sql.exec(due).toArray().length,
    )
    expect(left).toBe(0)
  })
}

let supervisor: Caller
let user: Caller
beforeAll(async () => {
  ;[supervisor, user] = await Promise.all([aUser('supervisor'), aUser('user')])
})

/** An agent who serves a queue of their own, is connected and available. */
async function ready(profile: object = {}): Promise<{ agent: Caller; queueId: string; tab: Tab }> {
  const agent = await aUser('agent')
  const queueId = newId()
  await ask(supervisor, 'PUT', `/agents/${agent.id}`, {
    queueIds: [queueId],
    skills: [],
    ...profile,
  })
  const tab = await open(agent)
  await choose(agent, 'available')
  // The list of queues is read beside the answer.
  await eventually(async () => {
    await runInDurableObject(stubOf(agent.id), (_object, { storage }) => {
      const [row] = storage.sql.exec<{ state: string }>('SELECT state FROM object').toArray()
      expect(JSON.parse(row?.state ?? '{}').serves).toEqual([queueId])
    })
  })
  return { agent, queueId, tab }
}

const reservation = (
  agentId: string,
  queueId: string,
  change: Partial<ReserveCommand> = {},
): ReserveCommand => ({
  reservationId: newId(),
  agentId,
  offer: 1,
  queueName: 'Support',
  expiresAt: Date.now() + 60_000,
  contact: {
    callId: newId(),
    queueId,
    direction: 'inbound',
    from: '+12025550177',
    to: '+12025550100',
    priority: 50,
    skills: [],
    offeredAt: new Date(Date.now() - 4_000).toISOString(),
    metadata: { order: '7' },
  },
  ...change,
})

const presence = (
  agent: Caller,
  callId: string,
  seq: number,
  state: 'joined' | 'left',
  queueId: string | null,
) =>
  deskOf(agent.id).callPresence({ callId, userId: agent.id, seq, state, queueId, at: Date.now() })

describe('a desk', () => {
  test('is there for everybody: offline, and no agent in the list until somebody says so', async () => {
    const caller = await aUser('user')
    expect(await me(caller)).toMatchObject({
      id: caller.id,
      activity: 'offline',
      capacity: 1,
      wrapUpSeconds: 30,
      skills: [],
      queueIds: null,
      connected: false,
      contacts: [],
      reservations: [],
      ringing: [],
      seq: 0,
    })
    const tab = await open(caller)
    expect(tab.frames[0]?.data.snapshot).toMatchObject({ id: caller.id, connected: true })
    tab.send('agent.activity', 'a', { name: 'available' })
    expect((await tab.until('error')).data).toMatchObject({ id: 'a', code: 'forbidden' })
    const list = await ask(supervisor, 'GET', '/agents?limit=200')
    expect(list.body.data.map(({ id }: { id: string }) => id)).not.toContain(caller.id)
  })

  test('is set up by a supervisor, and shown and listed then', async () => {
    const agent = await aUser('agent')
    expect((await ask(supervisor, 'GET', `/agents/${agent.id}`)).status).toBe(404)
    expect((await ask(supervisor, 'POST', `/agents/${agent.id}/sign-out`)).status).toBe(404)
    const profile = { displayName: 'Ada', skills: ['english'], capacity: 2, wrapUpSeconds: 10 }
    const put = await ask(supervisor, 'PUT', `/agents/${agent.id}`, profile)
    expect(put.status).toBe(200)
    expect(put.body.data).toMatchObject({ ...profile, queueIds: null, activity: 'offline' })
    expect((await ask(supervisor, 'GET', `/agents/${agent.id}`)).body.data).toEqual(put.body.data)
    // One desk for an account, however its id is written.
    const shouted = await ask(supervisor, 'GET', `/agents/${agent.id.toUpperCase()}`)
    expect(shouted.body.data.id).toBe(agent.id)
    await eventually(async () => {
      const { body } = await ask(supervisor, 'GET', '/agents?activity=offline&limit=200')
      expect(body.data.find(({ id }: { id: string }) => id === agent.id)).toMatchObject({
        displayName: 'Ada',
        activity: 'offline',
        connected: false,
        activeContacts: 0,
      })
    })
  })

  test('is listed by pages, with cursors that are bound to their list', async () => {
    const agents = await Promise.all([aUser('agent'), aUser('agent'), aUser('agent')])
    for (const { id } of agents) await ask(supervisor, 'PUT', `/agents/${id}`, { skills: [] })
    const ids = agents.map(({ id }) => id)
    await eventually(async () => {
      const seen: string[] = []
      let next: string | undefined
      do {
        const query = next === undefined ? '' : `&cursor=${encodeURIComponent(next)}`
        const { body } = await ask(supervisor, 'GET', `/agents?limit=5${query}`)
        seen.push(...body.data.map(({ id }: { id: string }) => id))
        next = body.meta.nextCursor
      } while (next !== undefined)
      expect(seen).toEqual(expect.arrayContaining(ids))
      expect(seen).toEqual([...new Set(seen)].sort())
    })
    const { body } = await ask(supervisor, 'GET', '/agents?limit=1')
    const cursor = encodeURIComponent(body.meta.nextCursor)
    const other = await ask(supervisor, 'GET', `/agents?activity=busy&cursor=${cursor}`)
    expect([other.status, other.body.code]).toEqual([422, 'validation_failed'])
  })

  test('refuses who may not, and what is malformed', async () => {
    const agent = await aUser('agent')
    const answers = await Promise.all([
      ask(undefined, 'GET', '/agents/me'),
      ask(user, 'PUT', '/agents/me/activity', { name: 'available' }),
      ask(agent, 'PUT', '/agents/me/activity', { name: 'asleep' }),
      ask(agent, 'PUT', '/agents/me/activity', { name: 'after-contact-work' }),
      ask(agent, 'GET', '/agents'),
      ask(agent, 'PUT', `/agents/${agent.id}`, {}),
      ask(supervisor, 'PUT', `/agents/${agent.id}`, { capacity: 0 }),
      ask(supervisor, 'GET', '/agents/1'),
      ask(agent, 'POST', `/reservations/${newId()}/accept`),
      ask(user, 'POST', `/reservations/${newId()}/accept`),
    ])
    expect(answers.map(({ status, body }) => [status, body.code])).toEqual([
      [401, 'unauthorized'],
      [403, 'forbidden'],
      [422, 'validation_failed'],
      [422, 'validation_failed'],
      [403, 'forbidden'],
      [403, 'forbidden'],
      [422, 'validation_failed'],
      [422, 'validation_failed'],
      [404, 'not_found'],
      [403, 'forbidden'],
    ])
  })

  test('opens its socket by a ticket or a token, and to nobody else', async () => {
    const agent = await aUser('agent')
    const subprotocol = { 'sec-websocket-protocol': 'menagerie.v1' }
    const authorization = `Bearer ${agent.token}`
    const byToken = await connect('/agents/me/ws', { ...subprotocol, authorization })
    expect(byToken.status).toBe(101)
    expect((await connect('/agents/me/ws', subprotocol)).status).toBe(401)
    const wrong = { 'sec-websocket-protocol': 'menagerie.v1, ticket.unknown' }
    expect((await connect('/agents/me/ws', wrong)).status).toBe(401)
    expect((await ask(agent, 'GET', '/agents/me/ws')).status).toBe(426)
    const { body } = await ask(agent, 'POST', '/agents/me/ticket')
    expect(body.data.url).toBe('ws://localhost:9/agents/me/ws')
    const ticket = { 'sec-websocket-protocol': `menagerie.v1, ticket.${body.data.ticket}` }
    expect((await connect('/agents/me/ws', ticket)).status).toBe(101)
    expect((await connect('/agents/me/ws', ticket)).status).toBe(401)
  })
})

describe('activities', () => {
  test('are chosen over HTTP and by frames, and every device hears of them', async () => {
    const { agent, tab } = await ready()
    const other = await open(agent)
    expect((await choose(agent, 'break')).body.data).toMatchObject({ activity: 'break' })
    const told = await other.until('agent.activity', ({ name }) => name === 'break')
    expect(told.data).toEqual({
      name: 'break',
      previous: 'available',
      next: null,
      until: null,
      reason: 'chosen',
    })
    other.send('agent.activity', 'f1', { name: 'available' })
    other.send('agent.activity', 'f1', { name: 'available' })
    await eventually(() => {
      const acks = other.frames.filter(({ type }) => type === 'ack')
      expect(acks).toHaveLength(2)
      expect(acks[0]).toEqual(acks[1])
    })
    await tab.until(
      'agent.activity',
      ({ name, previous }) => name === 'available' && previous === 'break',
    )
    other.send('agent.activity', 'f1', { name: 'busy' })
    other.send('agent.activity', 'f2', { name: 'asleep' })
    other.send('agent.dance', 'f3')
    await eventually(() =>
      expect(
        other.frames.filter(({ type }) => type === 'error').map(({ data }) => [data.id, data.code]),
      ).toEqual([
        ['f1', 'idempotency_mismatch'],
        ['f2', 'validation_failed'],
        ['f3', 'invalid_request'],
      ]),
    )
  })

  test('chosen during a contact follow after it and its work, whose timer ends it', async () => {
    const { agent, queueId, tab } = await ready({ wrapUpSeconds: 20 })
    const callId = newId()
    await presence(agent, callId, 4, 'joined', queueId)
    await tab.until('agent.activity', ({ name }) => name === 'busy')
    const chosen = await choose(agent, 'offline')
    expect(chosen.body.data).toMatchObject({ activity: 'busy', nextActivity: 'offline' })
    expect(chosen.body.data.contacts).toMatchObject([{ callId, queueId }])
    await presence(agent, callId, 9, 'left', queueId)
    await presence(agent, callId, 4, 'joined', queueId)
    const working = await me(agent)
    expect(working).toMatchObject({ activity: 'after-contact-work', contacts: [] })
    expect(Date.parse(working.until) - Date.parse(working.since)).toBe(20_000)
    // Whatever becomes of the object meanwhile.
    await quiet(agent.id)
    await evictDurableObject(stubOf(agent.id))
    await ring(agent.id, 'work')
    expect(await me(agent)).toMatchObject({ activity: 'offline', nextActivity: null, until: null })
    await tab.until('agent.activity', ({ name }) => name === 'offline')
    const told = tab.frames.filter(({ type }) => type === 'agent.activity')
    expect(told.slice(-4).map(({ data }) => [data.name, data.next])).toEqual([
      ['busy', null],
      ['busy', 'offline'],
      ['after-contact-work', 'offline'],
      ['offline', null],
    ])
  })

  test('end when a supervisor signs the agent out, and pending contacts go on', async () => {
    const { agent, queueId, tab } = await ready()
    const command = reservation(agent.id, queueId)
    await deskOf(agent.id).reserve(command)
    const out = await ask(supervisor, 'POST', `/agents/${agent.id}/sign-out`)
    expect(out.body.data).toMatchObject({ activity: 'offline' })
    expect((await tab.until('reservation.rejected')).data).toEqual({
      id: command.reservationId,
      reason: 'signed_out',
    })
    const told = await tab.until('agent.activity', ({ name }) => name === 'offline')
    expect(told.data.reason).toBe('signed_out')
  })
})

describe('a reservation', () => {
  test('carries contact, wait and the number’s newest calls to every device', async () => {
    const { agent, queueId, tab } = await ready()
    const number = `+1202${Math.floor(1e6 + Math.random() * 9e6)}`
    const older = Array.from({ length: 6 }, () => newId())
    await testEnv.DB.batch(
      older.map((id, index) =>
        testEnv.DB.prepare(
          `INSERT INTO calls (id, seq, direction, from_address, to_address, status, created_at,
             talk_seconds, hold_seconds, after_contact_work_seconds, duration_seconds)
           VALUES (?, 1, ?, ?, ?, 'completed', ?, 0, 0, 0, 0)`,
        ).bind(
          id,
          index % 2 ? 'inbound' : 'outbound',
          index % 2 ? number : '+12025550100',
          index % 2 ? '+12025550100' : number,
          1000 + index,
        ),
      ),
    )
    const other = await open(agent)
    const command = reservation(agent.id, queueId)
    command.contact.from = number
    const [first, again] = await Promise.all([
      deskOf(agent.id).reserve(command),
      deskOf(agent.id).reserve(command),
    ])
    expect(first).toMatchObject({ ok: true, value: { outcome: 'pending' } })
    expect(again).toEqual(first)
    for (const device of [tab, other]) {
      const { data } = await device.until('reservation.created')
      expect(data.reservation).toMatchObject({
        id: command.reservationId,
        agentId: agent.id,
        state: 'pending',
        contact: command.contact,
        queueName: 'Support',
        waitSeconds: 4,
      })
      expect(data.reservation.history.map(({ id }: { id: string }) => id)).toEqual(
        older.slice(1).reverse(),
      )
      expect(device.frames.filter(({ type }) => type === 'reservation.created')).toHaveLength(1)
    }
    // One more than fits.
    expect(await deskOf(agent.id).reserve(reservation(agent.id, queueId))).toMatchObject({
      value: { outcome: 'refused' },
    })
  })

  test('accepted on one device silences the others, once; a room that is gone frees the agent', async () => {
    const { agent, queueId, tab } = await ready()
    const other = await open(agent)
    const command = reservation(agent.id, queueId)
    await deskOf(agent.id).reserve(command)
    const id = command.reservationId
    tab.send('reservation.accept', 'mine', { id })
    other.send('reservation.accept', 'yours', { id })
    const answers = await Promise.all(
      [tab, other].map((device) =>
        eventually(() => {
          const answer = device.frames.find(({ type }) => type === 'ack' || type === 'error')
          if (answer === undefined) throw new Error('not yet')
          return answer
        }),
      ),
    )
    expect(answers.map(({ type }) => type).sort()).toEqual(['ack', 'error'])
    expect(answers.find(({ type }) => type === 'error')?.data.code).toBe('conflict')
    const accepted = await other.until('reservation.accepted')
    expect(accepted.data.id).toBe(id)
    const winner = answers[0]?.type === 'ack' ? tab : other
    expect(accepted.data.connectionId).toBe(winner.frames[0]?.data.connectionId)
    // There is no such call: what was accepted is gone.
    const gone = await tab.until('reservation.canceled')
    expect(gone.data).toEqual({ id, reason: 'gone' })
    await eventually(async () => expect(await me(agent)).toMatchObject({ activity: 'available' }))
  })

  test('is accepted and rejected over HTTP, the same key once', async () => {
    const { agent, queueId } = await ready()
    const first = reservation(agent.id, queueId)
    await deskOf(agent.id).reserve(first)
    const path = `/reservations/${first.reservationId}`
    const key = { 'idempotency-key': newId() }
    const rejected = await ask(agent, 'POST', `${path}/reject`, undefined, key)
    expect([rejected.status, rejected.body.data.state]).toEqual([200, 'rejected'])
    const replayed = await ask(agent, 'POST', `${path}/reject`, undefined, key)
    expect(replayed.body.data).toEqual(rejected.body.data)
    expect(replayed.headers.get('idempotent-replayed')).toBe('true')
    const mismatch = await ask(agent, 'POST', `${path}/accept`, undefined, key)
    expect([mismatch.status, mismatch.body.code]).toEqual([422, 'idempotency_mismatch'])
    const late = await ask(agent, 'POST', `${path}/accept`)
    expect([late.status, late.body.code]).toEqual([409, 'conflict'])
    const second = reservation(agent.id, queueId)
    await deskOf(agent.id).reserve(second)
    const accepted = await ask(agent, 'POST', `/reservations/${second.reservationId}/accept`)
    expect(accepted.body.data).toMatchObject({ id: second.reservationId, state: 'accepted' })
    const stranger = await aUser('agent')
    expect((await ask(stranger, 'POST', `${path}/accept`)).status).toBe(404)
  })

  test('runs out by its timer; three in a row make the agent take a break', async () => {
    const { agent, queueId, tab } = await ready()
    for (const round of [1, 2, 3]) {
      const command = reservation(agent.id, queueId)
      const reserved = await deskOf(agent.id).reserve(command)
      expect(reserved).toMatchObject({ value: { outcome: 'pending' } })
      await ring(agent.id, 'reservation:')
      await tab.until('reservation.timeout', ({ id }) => id === command.reservationId)
      expect((await me(agent)).activity).toBe(round < 3 ? 'available' : 'break')
    }
    const told = await tab.until('agent.activity', ({ name }) => name === 'break')
    expect(told.data.reason).toBe('missed_reservations')
  })

  test('is canceled by its queue, also before it came', async () => {
    const { agent, queueId, tab } = await ready()
    const command = reservation(agent.id, queueId)
    const { reservationId } = command
    await deskOf(agent.id).reserve(command)
    await deskOf(agent.id).cancelReservation({ reservationId, reason: 'abandoned' })
    const told = await tab.until('reservation.canceled')
    expect(told.data).toEqual({ id: reservationId, reason: 'abandoned' })
    const early = reservation(agent.id, queueId)
    await deskOf(agent.id).cancelReservation({
      reservationId: early.reservationId,
      reason: 'moved',
    })
    expect(await deskOf(agent.id).reserve(early)).toMatchObject({ value: { outcome: 'refused' } })
  })

  test('with more metadata than an event holds comes without them', async () => {
    const { agent, queueId } = await ready()
    const command = reservation(agent.id, queueId)
    command.contact.metadata = Object.fromEntries(
      Array.from({ length: 50 }, (_, i) => [`name-${i}`, '\u{1F389}'.repeat(250)]),
    )
    expect(await deskOf(agent.id).reserve(command)).toMatchObject({
      value: { outcome: 'pending' },
    })
    expect((await me(agent)).reservations[0].contact.metadata).toEqual({})
  })
})

describe('a refresh', () => {
  test('keeps contacts, reservations and the place among the agents', async () => {
    const { agent, queueId, tab } = await ready({ capacity: 2 })
    const callId = newId()
    await presence(agent, callId, 4, 'joined', queueId)
    const command = reservation(agent.id, queueId)
    await deskOf(agent.id).reserve(command)
    tab.close()
    const again = await open(agent)
    expect(again.frames[0]?.data.snapshot).toMatchObject({
      connected: true,
      activity: 'available',
      contacts: [{ callId, queueId }],
      reservations: [{ id: command.reservationId, state: 'pending' }],
    })
    await ring(agent.id, 'away')
    expect(await me(agent)).toMatchObject({ connected: true })
  })

  test('that does not come back takes the agent out, and hands contacts on', async () => {
    const { agent, queueId, tab } = await ready()
    await deskOf(agent.id).reserve(reservation(agent.id, queueId))
    tab.close()
    await eventually(async () => {
      await runInDurableObject(stubOf(agent.id), (_object, { storage }) =>
        expect(storage.sql.exec(`SELECT 1 FROM timers WHERE name = 'away'`).toArray()).toHaveLength(
          1,
        ),
      )
    })
    await ring(agent.id, 'away')
    const desk = await me(agent)
    expect(desk).toMatchObject({ connected: false, activity: 'available' })
    expect(desk.reservations).toMatchObject([{ state: 'rejected' }])
    expect(await deskOf(agent.id).reserve(reservation(agent.id, queueId))).toMatchObject({
      value: { outcome: 'refused' },
    })
  })

  test('whose session was revoked loses the contacts, also where its client holds on to the socket', async () => {
    const { agent, queueId } = await ready()
    await deskOf(agent.id).reserve(reservation(agent.id, queueId))
    // What the object knows before the client has answered the close.
    const awaySince = await runInDurableObject(stubOf(agent.id), (desk, { storage }) => {
      expect((desk as unknown as AgentDesk).closeSession(agent.sessionId)).toBe(1)
      const [row] = storage.sql.exec<{ state: string }>('SELECT state FROM object').toArray()
      return JSON.parse(row?.state ?? '{}').awaySince
    })
    expect(awaySince).toBeGreaterThan(0)
    await ring(agent.id, 'away')
    expect(await me(agent)).toMatchObject({
      connected: false,
      reservations: [{ state: 'rejected' }],
    })
  })

  test('whose role was taken away is shown no contact over a socket that lives on', async () => {
    const { agent, queueId, tab } = await ready()
    const desk = deskOf(agent.id)
    const issued = await desk.issueTicket({
      ...principalOf(agent),
      permissions: ['calls:read:own'],
    })
    if (!issued.ok) throw new Error(issued.error.code)
    tab.send('reauth', 'less', { ticket: issued.value.ticket })
    await tab.until('ack', ({ id }) => id === 'less')
    expect(await desk.reserve(reservation(agent.id, queueId))).toMatchObject({
      value: { outcome: 'refused' },
    })
    tab.send('agent.activity', 'busy', { name: 'available' })
    expect((await tab.until('error')).data).toMatchObject({ id: 'busy', code: 'forbidden' })
    expect(tab.frames.some(({ type }) => type === 'reservation.created')).toBe(false)
    await ring(agent.id, 'away')
    expect(await me(agent)).toMatchObject({ connected: false })
    // And with the role again all is as before.
    const { body } = await ask(agent, 'POST', '/agents/me/ticket')
    tab.send('reauth', 'more', { ticket: body.data.ticket })
    await tab.until('ack', ({ id }) => id === 'more')
    tab.send('agent.activity', 'ready', { name: 'available' })
    await eventually(async () =>
      expect(await me(agent)).toMatchObject({ connected: true, activity: 'available' }),
    )
  })
})

describe('a call without a queue', () => {
  const ringing = (userId: string, callId: string) => ({
    callId,
    userId,
    direction: 'internal' as const,
    from: `user:${newId()}`,
    to: `user:${userId}`,
    expiresAt: Date.now() + 30_000,
  })

  test('rings on every device, also on one that comes late, until its room says no more', async () => {
    const caller = await aUser('user')
    const callId = newId()
    const command = ringing(caller.id, callId)
    const desk = deskOf(caller.id)
    expect(await desk.ringDevices(command)).toEqual({ ok: true, value: { devices: 0 } })
    const tab = await open(caller)
    expect(tab.frames[0]?.data.snapshot.ringing).toMatchObject([{ callId }])
    expect(await desk.ringDevices(command)).toEqual({ ok: true, value: { devices: 1 } })
    await desk.stopRing({ callId, userId: caller.id, status: 'in-progress' })
    expect((await tab.until('call.status')).data).toMatchObject({ callId, status: 'in-progress' })
    expect((await me(caller)).ringing).toEqual([])
    const other = newId()
    await desk.ringDevices(ringing(caller.id, other))
    await tab.until('call.status', (data) => data.callId === other && data.status === 'ringing')
    await ring(caller.id, 'ring:')
    await tab.until('call.status', (data) => data.callId === other && data.status === 'no-answer')
  })

  test('is limited to so many starts in any minute', async () => {
    const agent = await aUser('agent')
    const principal = { kind: 'user', id: agent.id } as Parameters<AgentDeskApi['admitStart']>[0]
    const desk = deskOf(agent.id)
    const limit = Number(testEnv.CALL_STARTS_PER_MINUTE)
    for (let n = 0; n < limit; n++)
      expect(await desk.admitStart(principal)).toMatchObject({ ok: true })
    const refused = await desk.admitStart(principal)
    expect(refused).toMatchObject({ ok: false, error: { code: 'too_many_requests' } })
    if (!refused.ok && 'retryAfterSeconds' in refused.error) {
      expect(refused.error.retryAfterSeconds).toBeGreaterThan(50)
      expect(refused.error.retryAfterSeconds).toBeLessThanOrEqual(60)
    }
    await runInDurableObject(stubOf(agent.id), (_object, { storage }) => {
      storage.sql.exec('UPDATE starts SET at = at - 60000 WHERE rowid = 1')
    })
    expect(await desk.admitStart(principal)).toMatchObject({ ok: true })
    expect(await desk.admitStart(principal)).toMatchObject({ ok: false })
  })
})

describe('the queues of an agent', () => {
  test('are all whose skills the agent has, and are read again when they change', async () => {
    const agent = await aUser('agent')
    const [plain, english, danish, late] = [newId(), newId(), newId(), newId()]
    const add = (id: string, skills: string[], removedAt: number | null = null) =>
      testEnv.DB.prepare(
        `INSERT INTO queues (id, seq, name, skills, priority, reservation_timeout_seconds,
           service_level_seconds, version, created_at, updated_at, removed_at)
         VALUES (?, 1, 'q', ?, 50, 20, 20, 1, 0, 0, ?)`,
      )
        .bind(id, JSON.stringify(skills), removedAt)
        .run()
    const own = `skill-${newId()}`
    await add(plain, [])
    await add(english, [own])
    await add(danish, [own, `${own}-more`.slice(0, 60)])
    await ask(supervisor, 'PUT', `/agents/${agent.id}`, { skills: [own] })
    const serves = () =>
      runInDurableObject(stubOf(agent.id), (_object, { storage }) => {
        const [row] = storage.sql.exec<{ state: string }>('SELECT state FROM object').toArray()
        return (JSON.parse(row?.state ?? '{}').serves ?? []) as string[]
      })
    await eventually(async () => expect(await serves()).toContain(english))
    expect(await serves()).toContain(plain)
    expect(await serves()).not.toContain(danish)
    await add(late, [own])
    await deskOf(agent.id).refreshQueues()
    await eventually(async () => expect(await serves()).toContain(late))
    await testEnv.DB.prepare('UPDATE queues SET removed_at = 1 WHERE id IN (?, ?, ?, ?)')
      .bind(plain, english, danish, late)
      .run()
    await deskOf(agent.id).refreshQueues()
    await eventually(async () => expect(await serves()).not.toContain(english))
  })

  test('of a desk that is not there are no error', async () => {
    expect(await deskOf(newId()).refreshQueues()).toEqual({ ok: true, value: null })
  })
})

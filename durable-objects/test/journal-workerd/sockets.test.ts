import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { JournalRoom } from '../worker/journal-room.ts'
import {
  Client,
  closeClients,
  connect,
  openRoom,
  principal,
  type Room,
  replay,
  unopenedRoom,
  upgradeRequest,
  upTo,
} from './client.ts'

afterEach(closeClients)

describe('an upgrade', () => {
  const refusal = async (room: Room, request: Request) => {
    const response = await room.fetch(request)
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    const problem = await response.json<{ code: string; status: number; instance: string }>()
    expect(problem.status).toBe(response.status)
    expect(problem.instance).toBe('/ws')
    return `${response.status} ${problem.code}`
  }
  const accepted = async (response: Response) => {
    expect(response.status).toBe(101)
    const client = new Client(response.webSocket as WebSocket)
    await client.until(() => client.frames.length > 0, 'welcome')
    return client
  }
  const ticketOf = async (room: Room) => (await room.ticket(principal())).ticket

  it('selects menagerie.v1 and begins with welcome', async () => {
    const room = await openRoom(3)
    const { ticket } = await room.ticket(principal())
    const response = await room.fetch(upgradeRequest('', `menagerie.v1, ticket.${ticket}`))
    expect(response.headers.get('sec-websocket-protocol')).toBe('menagerie.v1')
    const client = await accepted(response)
    expect(client.frames[0]).toEqual({
      type: 'welcome',
      data: {
        connectionId: expect.any(String),
        seq: 3,
        snapshot: { said: 3, for: 'ann' },
        resumed: false,
      },
    })
  })

  it('takes a ticket once, within 30 s, and only where it was issued', async () => {
    const room = await openRoom()
    const ticket = await ticketOf(room)
    const protocols = `menagerie.v1, ticket.${ticket}`
    const other = await openRoom()
    expect(await refusal(other, upgradeRequest('', protocols))).toBe('401 invalid_ticket')
    await accepted(await room.fetch(upgradeRequest('', protocols)))
    expect(await refusal(room, upgradeRequest('', protocols))).toBe('401 invalid_ticket')
    const late = await ticketOf(room)
    await room.outside({ advanceMs: 30_000 })
    expect(await refusal(room, upgradeRequest('', `menagerie.v1, ticket.${late}`))).toBe(
      '401 invalid_ticket',
    )
  })

  it('refuses a token in the query string without using the ticket up', async () => {
    const room = await openRoom()
    const ticket = await ticketOf(room)
    const protocols = `menagerie.v1, ticket.${ticket}`
    for (const query of [`?ticket=${ticket}`, '?access_token=x', '?token=x&afterSeq=1'])
      expect(await refusal(room, upgradeRequest(query, protocols))).toBe('400 invalid_request')
    await accepted(await room.fetch(upgradeRequest('', protocols)))
  })

  it('reads afterSeq strictly', async () => {
    const room = await openRoom()
    const ticket = await ticketOf(room)
    const queries = ['=', '=-1', '=1.5', '=01', '=1e3', '=x', '=99999999999999999', '=1&afterSeq=2']
    for (const query of queries)
      expect(
        await refusal(room, upgradeRequest(`?afterSeq${query}`, `menagerie.v1, ticket.${ticket}`)),
      ).toBe('422 validation_failed')
  })

  it('asks for the subprotocol, a ticket and the upgrade itself', async () => {
    const room = await openRoom()
    const ticket = await ticketOf(room)
    expect(await refusal(room, upgradeRequest('', `ticket.${ticket}`))).toBe('400 invalid_request')
    expect(await refusal(room, upgradeRequest('', undefined))).toBe('400 invalid_request')
    expect(await refusal(room, upgradeRequest('', 'menagerie.v1'))).toBe('401 invalid_ticket')
    expect(await refusal(room, upgradeRequest('', 'menagerie.v1, ticket.'))).toBe(
      '401 invalid_ticket',
    )
    expect(await refusal(room, new Request('http://room/ws'))).toBe('426 upgrade_required')
  })

  it('is 401 for a session that is not admitted and 429 for an eleventh socket', async () => {
    const room = await openRoom()
    await room.outside({ refuseSession: 'gone' })
    const gone = await room.ticket(principal({ sessionId: 'gone' }))
    expect(await refusal(room, upgradeRequest('', `menagerie.v1, ticket.${gone.ticket}`))).toBe(
      '401 unauthorized',
    )
    const clients = await Promise.all(upTo(10).map(() => connect(room)))
    const eleventh = upgradeRequest('', `menagerie.v1, ticket.${await ticketOf(room)}`)
    expect(await refusal(room, eleventh)).toBe('429 too_many_requests')
    await connect(room, '', principal({ id: 'bob' }))
    clients[0]?.socket.close(1000)
    await vi.waitFor(async () => expect(await room.socketCount()).toBe(10))
    await connect(room)
  })
})

describe('resuming', () => {
  it('brings every event after the number in order, then live ones', async () => {
    const room = await openRoom(700)
    const client = await connect(room, '?afterSeq=150')
    await room.say([{ word: 'live' }])
    await client.until(() => client.seqs.at(-1) === 701, 'the live event')
    expect(client.frames[0]?.data).toMatchObject({ seq: 700, resumed: true })
    expect(client.seqs).toEqual(upTo(701, 151))
  })

  it('goes on from welcome without a number', async () => {
    const room = await openRoom(5)
    const client = await connect(room)
    await room.say([{ word: 'live' }])
    await client.until(() => client.seqs.length > 0, 'the live event')
    expect(client.seqs).toEqual([6])
  })

  it('gives a snapshot where the number is too old or not of this history', async () => {
    const room = await openRoom(2_500)
    await room.ring(0)
    await vi.waitFor(async () => {
      const page = await replay(room, 0, 1)
      expect(page.ok && page.value.base).toBeGreaterThan(400)
    })
    for (const query of ['?afterSeq=3', '?afterSeq=9000']) {
      const client = await connect(room, query)
      await room.say([{ word: 'live' }])
      await client.until(() => client.seqs.length > 0, 'the live event')
      expect(client.frames[0]?.data.resumed).toBe(false)
      expect(client.frames[0]?.data.snapshot).not.toBeNull()
      expect(client.seqs).toEqual([Number(client.frames[0]?.data.seq) + 1])
    }
  })

  it('on an open socket does the same', async () => {
    const room = await openRoom(120)
    const client = await connect(room)
    client.send({ type: 'resume', data: { lastSeq: 10 } })
    await client.until(() => client.seqs.at(-1) === 120, 'what was missed')
    expect(client.of('welcome')[1]?.data).toMatchObject({ resumed: true, seq: 120 })
    expect(client.seqs).toEqual(upTo(120, 11))
    client.send({ type: 'resume', id: 'r', data: { lastSeq: -1 } })
    await client.until(() => client.of('error').length === 1, 'the error')
    expect(client.of('error')[0]?.data).toMatchObject({ id: 'r', code: 'validation_failed' })
  })

  it('cuts batches at 100 events and 48 KiB, and sends a larger event alone', async () => {
    const room = await openRoom()
    const big = 'x'.repeat(20_000)
    await room.say([
      ...upTo(150).map((word) => ({ word })),
      ...upTo(4).map(() => ({ word: big })),
      { word: 'y'.repeat(60_000) },
    ])
    const client = await connect(room, '?afterSeq=0')
    await client.until(() => client.seqs.at(-1) === 155, 'the last event')
    expect(client.seqs).toEqual(upTo(155))
    const batches = client.of('batch')
    for (const batch of batches) {
      expect((batch.data.events as unknown[]).length).toBeLessThanOrEqual(100)
      expect(JSON.stringify(batch).length).toBeLessThanOrEqual(48 * 1024)
    }
    expect(batches.length).toBe(3)
    expect(client.of('said')).toHaveLength(1)
  })
})

/** Until it is kept what each socket has got, which a real hibernation comes long after. */
const quiet = (room: Room): Promise<void> =>
  vi.waitFor(async () => {
    const head = (await room.head())?.seq
    await runInDurableObject<JournalRoom, void>(room, (_, state) => {
      for (const ws of state.getWebSockets()) expect(ws.deserializeAttachment().cursor).toBe(head)
    })
  })

describe('a live socket', () => {
  it('gets a burst in far fewer frames than events', async () => {
    const room = await openRoom()
    const clients = await Promise.all([connect(room), connect(room)])
    await room.chatter(300)
    for (const client of clients) {
      await client.until(() => client.seqs.at(-1) === 300, 'the burst')
      expect(client.seqs).toEqual(upTo(300))
      expect(client.frames.length).toBeLessThan(150)
    }
  })

  it('has no gap when the object leaves memory again and again', async () => {
    const room = await openRoom()
    const client = await connect(room)
    await client.until(() => client.frames.length > 0, 'welcome')
    for (let round = 0; round < 5; round++) {
      await room.chatter(7)
      await quiet(room)
      await evictDurableObject(room)
      await room.say([{ round }])
    }
    client.send({ type: 'message.send', id: 'm', data: { word: 'after' } })
    await client.until(() => client.of('ack').length === 1, 'the ack')
    await client.until(() => client.seqs.length === 41, 'every event')
    expect(client.seqs).toEqual(upTo(41))
  })

  it('is answered pong without waking the object, and by it', async () => {
    const room = await openRoom()
    const client = await connect(room)
    client.socket.send('ping')
    await client.until(() => client.texts.includes('pong'), 'pong')
  })

  it('gets the same ack for a repeated id, and an error for an unknown type', async () => {
    const room = await openRoom(2)
    const client = await connect(room)
    const frame = { type: 'message.send', id: 'm1', data: { word: 'hello' } }
    client.send(frame)
    client.send(frame)
    await client.until(() => client.of('ack').length === 2, 'two acks')
    expect(client.of('ack').map((ack) => ack.data)).toEqual([
      { id: 'm1', seq: 3 },
      { id: 'm1', seq: 3 },
    ])
    client.send({ type: 'no.such', id: 'u', data: {} })
    client.send({ type: 'explode', id: 'e', data: {} })
    await client.until(() => client.of('error').length === 2, 'the errors')
    expect(client.of('error').map((error) => error.data)).toEqual([
      { id: 'u', code: 'invalid_request', detail: 'Unknown type' },
      { id: 'e', code: 'internal_error', detail: 'Something went wrong here' },
    ])
    expect(client.closed).toBeUndefined()
  })

  it('gets broadcasts without a number', async () => {
    const room = await openRoom()
    const client = await connect(room)
    expect(await room.broadcast({ waiting: 3 })).toBe(1)
    await client.until(() => client.of('queue.stats').length === 1, 'the broadcast')
    expect(client.of('queue.stats')[0]).toEqual({ type: 'queue.stats', data: { waiting: 3 } })
  })

  it('is found by its connection id, also after the object left memory', async () => {
    const room = await openRoom()
    const [one, two] = await Promise.all([connect(room), connect(room)])
    await one.until(() => one.frames.length + two.frames.length === 2, 'both welcomes')
    await evictDurableObject(room)
    const id = String(one.frames[0]?.data.connectionId)
    expect(await room.sendTo(id, { sdp: 'x' })).toBe(true)
    expect(await room.sendTo('nobody', {})).toBe(false)
    await one.until(() => one.of('signal.offer').length === 1, 'the frame')
    expect(two.of('signal.offer')).toEqual([])
  })

  it('sees its own close answered with its own code', async () => {
    const room = await openRoom()
    const who = principal({ id: crypto.randomUUID() })
    const client = await connect(room, '', who)
    client.socket.close(4408, 'enough')
    await vi.waitFor(async () => {
      expect(await room.socketCount()).toBe(0)
      expect((await room.outside({})).closed).toContain(who.id)
    })
  })
})

describe('a socket is closed', () => {
  it('with 1008 after the third malformed frame, each answered with an error', async () => {
    const room = await openRoom()
    const client = await connect(room)
    client.socket.send('{')
    client.send({ type: 'message.send', data: 7 })
    client.send({ type: 'message.send', extra: true })
    expect((await client.untilClosed()).code).toBe(1008)
    expect(client.of('error').map((error) => error.data.code)).toEqual([
      'malformed_json',
      'validation_failed',
      'validation_failed',
    ])
  })

  it('with 1003 for binary', async () => {
    const client = await connect(await openRoom())
    client.socket.send(new Uint8Array([1, 2, 3]))
    expect((await client.untilClosed()).code).toBe(1003)
  })

  it('with 1009 above 64 KiB of UTF-8, counted in bytes', async () => {
    const room = await openRoom()
    const client = await connect(room)
    client.send({ type: 'message.send', id: 'ok', data: { word: 'é'.repeat(31_000) } })
    await client.until(() => client.of('ack').length === 1, 'the ack')
    client.send({ type: 'message.send', id: 'no', data: { word: 'é'.repeat(33_000) } })
    expect((await client.untilClosed()).code).toBe(1009)
    expect((await room.head())?.seq).toBe(1)
  })

  it('with 1008 for a flood: the burst of 40 is let through', async () => {
    const client = await connect(await openRoom())
    for (let frame = 0; frame < 60; frame++) client.send({ type: 'no.such', data: {} })
    expect((await client.untilClosed()).code).toBe(1008)
    expect(client.of('error').length).toBeGreaterThanOrEqual(40)
    expect(client.of('error').length).toBeLessThan(60)
  })

  it('with 1013 when it does not read, and resumes without a gap', async () => {
    const room = await openRoom()
    const slow = await connect(room)
    await slow.until(() => slow.frames.length > 0, 'welcome')
    await room.shout(20, 'x'.repeat(60_000))
    expect((await slow.untilClosed()).code).toBe(1013)
    const head = (await room.head())?.seq ?? 0
    const again = await connect(room, `?afterSeq=${slow.seqs.length}`)
    await again.until(() => again.seqs.at(-1) === head, 'the rest')
    expect([...slow.seqs, ...again.seqs]).toEqual(upTo(head))
  })

  it('with 4401 when the token ends, by the alarm', async () => {
    const room = await openRoom()
    const at = Date.now() + 3_600_000 * 24
    const short = await connect(room, '', principal({ expiresAt: at }))
    const long = await connect(room, '', principal({ id: 'bob' }))
    await room.outside({ advanceMs: 3_600_000 * 24 })
    await runDurableObjectAlarm(room)
    expect(await short.untilClosed()).toEqual({ code: 4401, reason: 'token ended' })
    expect(long.closed).toBeUndefined()
  })

  it('with 4401 before anything more is said to an ended token, when the alarm is late', async () => {
    const room = await openRoom()
    const at = Date.now() + 3_600_000 * 24 * 4
    const short = await connect(room, '', principal({ expiresAt: at }))
    await short.until(() => short.frames.length === 1, 'welcome')
    await room.outside({ advanceMs: 3_600_000 * 24 * 4 })
    await room.say([{ word: 'secret' }])
    await room.broadcast({ waiting: 3 })
    expect(await short.untilClosed()).toEqual({ code: 4401, reason: 'token ended' })
    expect(short.frames).toHaveLength(1)
    await room.outside({ advanceMs: -3_600_000 * 24 * 4 })
  })

  it('with 4401 when its session is revoked, after session.revoked', async () => {
    const room = await openRoom()
    const mine = await connect(room, '', principal({ sessionId: 's-1' }))
    const other = await connect(room, '', principal({ sessionId: 's-2' }))
    expect(await room.closeSession('s-1')).toBe(1)
    expect((await mine.untilClosed()).code).toBe(4401)
    expect(mine.frames.at(-1)).toEqual({ type: 'session.revoked', data: {} })
    expect(other.closed).toBeUndefined()
  })

  it('with all others, with the code the object gives', async () => {
    const room = await openRoom()
    const clients = await Promise.all([connect(room), connect(room, '', principal({ id: 'bob' }))])
    expect((await room.closeAll(4403, 'forbidden')).sort()).toEqual(['ann', 'bob'])
    for (const client of clients)
      expect(await client.untilClosed()).toEqual({ code: 4403, reason: 'forbidden' })
    expect(await room.socketCount()).toBe(0)
  })

  it('not when the token was renewed by reauth, for the same account only', async () => {
    const room = await openRoom(4)
    const soon = { expiresAt: Date.now() + 20 * 86_400_000 }
    const later = { expiresAt: Date.now() + 40 * 86_400_000 }
    const client = await connect(room, '', principal(soon))
    const foreign = await room.ticket(principal({ ...later, id: 'eve' }))
    client.send({ type: 'reauth', id: '1', data: { ticket: foreign.ticket } })
    client.send({ type: 'reauth', id: '2', data: { ticket: 'unknown' } })
    const fresh = await room.ticket(principal(later))
    client.send({ type: 'reauth', id: '3', data: { ticket: fresh.ticket } })
    const away = await room.ticket(principal({ ...later, sessionId: 'away' }))
    client.send({ type: 'reauth', id: '4', data: { ticket: away.ticket } })
    await client.until(() => client.frames.length === 5, 'four answers')
    expect(client.frames.slice(1).map((frame) => frame.data)).toMatchObject([
      { id: '1', code: 'forbidden' },
      { id: '2', code: 'invalid_ticket' },
      { id: '3', seq: 4 },
      { id: '4', code: 'internal_error' },
    ])
    await room.outside({ advanceMs: 21 * 86_400_000 })
    await runDurableObjectAlarm(room)
    client.send({ type: 'message.send', id: 'm', data: {} })
    await client.until(() => client.of('ack').length === 2, 'the ack')
    await room.outside({ advanceMs: -21 * 86_400_000 })
  })

  it('with 4410 when the object ends, after the last event; later ones get what they missed first', async () => {
    const room = await openRoom(3)
    const live = await connect(room)
    await room.end()
    expect((await live.untilClosed()).code).toBe(4410)
    expect(live.seqs).toEqual([4])
    const late = await connect(room, '?afterSeq=1')
    expect((await late.untilClosed()).code).toBe(4410)
    expect(late.seqs).toEqual([2, 3, 4])
  })
})

describe('a socket', () => {
  it('that breaks the protocol is gone as others are, and is told once', async () => {
    const room = await openRoom()
    const client = await connect(room, '', principal({ id: 'broken' }))
    await runInDurableObject<JournalRoom, void>(room, async (object, state) => {
      const [ws] = state.getWebSockets()
      if (ws === undefined) throw new Error('no socket')
      object.webSocketError(ws, new Error('a frame that is none'))
      object.webSocketClose(ws, 1006, '')
    })
    await client.untilClosed()
    const { closed } = await room.outside({})
    expect(closed.filter((id) => id === 'broken')).toHaveLength(1)
  })

  it('has all it said before it closed taken, and nothing that waited when it was closed', async () => {
    const say = (id: string) => JSON.stringify({ type: 'message.send', id, data: { word: id } })
    const room = await openRoom()
    const revoked = await openRoom()
    for (const [one, ends] of [
      [room, (object: JournalRoom, ws: WebSocket) => object.webSocketClose(ws, 1000, '')],
      [revoked, (object: JournalRoom) => object.closeSession('session-1')],
    ] as const) {
      const client = await connect(one)
      await runInDurableObject<JournalRoom, void>(one, async (object, state) => {
        const [ws] = state.getWebSockets()
        if (ws === undefined) throw new Error('no socket')
        const taken = ['a', 'b', 'c'].map((id) => object.webSocketMessage(ws, say(id)))
        await ends(object, ws)
        await Promise.all(taken)
      })
      await client.untilClosed()
    }
    expect((await room.head())?.seq).toBe(3)
    expect((await revoked.head())?.seq).toBe(1)
  })

  it('that says something and closes at once is heard, over a real line too', async () => {
    const room = await openRoom()
    const client = await connect(room)
    await client.until(() => client.frames.length > 0, 'welcome')
    for (const turn of upTo(30))
      client.send({ type: 'message.send', id: `m${turn}`, data: { turn } })
    client.socket.close(1000, 'done')
    await client.untilClosed()
    expect((await room.head())?.seq).toBe(30)
  })

  it('that was closed by this side is not heard any more, also after the object left memory', async () => {
    const room = await openRoom()
    const client = await connect(room)
    await client.until(() => client.frames.length > 0, 'welcome')
    const say = JSON.stringify({ type: 'message.send', id: 'late', data: { word: 'late' } })
    const sockets: WebSocket[] = []
    await runInDurableObject<JournalRoom, void>(room, async (object, state) => {
      sockets.push(...state.getWebSockets())
      await object.closeSession('session-1')
    })
    const [ws] = sockets
    if (ws === undefined) throw new Error('no socket')
    // A new instance knows of a socket what its attachment says.
    await runInDurableObject<JournalRoom, void>(room, async (_, state) => {
      const again = new JournalRoom(state, {} as never)
      await again.webSocketMessage(ws, say)
    })
    expect((await room.head())?.seq ?? 0).toBe(0)
  })

  it('is heard in its own order in a crowd, and answered frame by frame', async () => {
    const room = await openRoom()
    const crowd = await Promise.all(
      upTo(10).map((who) => connect(room, '', principal({ id: `crowd-${who}` }))),
    )
    for (const turn of upTo(8))
      for (const client of crowd) {
        if (turn === 4) client.send({ type: 'explode', id: 'bug' })
        client.send({ type: 'message.send', id: `m${turn}`, data: { turn } })
      }
    for (const client of crowd) {
      await client.until(() => client.of('ack').length === 8, 'every ack')
      expect(client.of('ack').map(({ data }) => data.id)).toEqual(upTo(8).map((turn) => `m${turn}`))
      expect(client.of('error')).toHaveLength(1)
      await client.until(() => client.seqs.length === 80, 'every event')
      expect(client.seqs).toEqual(upTo(80))
    }
    const page = await replay(room, 0, 100)
    const events = page.ok ? page.value.events : []
    for (const who of upTo(10)) {
      const said = events.filter(({ actor }) => actor === `crowd-${who}`)
      expect(said.map(({ data }) => data?.turn)).toEqual(upTo(8))
    }
  })

  it('keeps the trace of its upgrade for what its frames cause, over eviction', async () => {
    const room = await openRoom()
    const { ticket } = await room.ticket(principal())
    const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`
    const response = await room.fetch(
      upgradeRequest('', `menagerie.v1, ticket.${ticket}`, { traceparent }),
    )
    if (response.webSocket === null) throw new Error('refused')
    const client = new Client(response.webSocket)
    await evictDurableObject(room)
    client.send({ type: 'trace' })
    await client.until(() => client.of('error').length === 1, 'the answer')
    expect(client.of('error')[0]?.data.detail).toBe(traceparent)
  })

  it('is refused with the same words whether the object exists or not, when it is asked for badly', async () => {
    const answers = await Promise.all(
      [await openRoom(), unopenedRoom()].map(async (room) => {
        const response = await room.fetch(upgradeRequest('', undefined))
        const { requestId: _, ...problem } = (await response.json()) as { requestId: string }
        return [response.status, problem]
      }),
    )
    expect(answers[0]).toEqual(answers[1])
  })
})

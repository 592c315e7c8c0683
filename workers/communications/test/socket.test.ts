import { beforeAll, describe, expect, test } from 'vitest'
import { ask, aUser, type Caller, connect, eventually, tell, testEnv } from './support/api.ts'

interface Frame {
  type: string
  seq?: number
  data: Record<string, unknown> & { events?: Frame[] }
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
      this.frames.push(...(frame.type === 'batch' ? (frame.data.events ?? []) : [frame]))
    })
    socket.addEventListener('close', ({ code }) => {
      this.closedWith = code
    })
    socket.accept()
  }

  send(type: string, id: string, data: object = {}): void {
    this.#socket.send(JSON.stringify({ type, id, data }))
  }

  async until(matches: (frame: Frame) => boolean): Promise<Frame> {
    return eventually(() => {
      const found = this.frames.find(matches)
      if (found === undefined) throw new Error('not yet')
      return found
    })
  }

  get seqs(): number[] {
    return this.frames.flatMap(({ seq }) => seq ?? [])
  }
}

let agent: Caller
beforeAll(async () => {
  agent = await aUser('agent')
})

const start = async (): Promise<string> =>
  (await ask(agent, 'POST', '/calls/start', { to: '+12025550106' })).body.data.id

async function join(id: string, query = '', caller = agent): Promise<Line> {
  const { body } = await ask(caller, 'POST', `/calls/${id}/ticket`)
  const offered = `menagerie.v1, ticket.${body.data.ticket}`
  const response = await connect(`/calls/${id}/ws${query}`, { 'sec-websocket-protocol': offered })
  expect(response.status).toBe(101)
  expect(response.headers.get('sec-websocket-protocol')).toBe('menagerie.v1')
  if (response.webSocket === null) throw new Error('no socket')
  return new Line(response.webSocket)
}

describe('the socket of a call', () => {
  test('welcomes with the call, then tells every event once and in order', async () => {
    const id = await start()
    const line = await join(id, '?afterSeq=0')
    const welcome = await line.until(({ type }) => type === 'welcome')
    expect(welcome.data).toMatchObject({
      seq: 2,
      resumed: true,
      snapshot: { id, status: 'queued' },
    })
    await tell(id, 'ringing')
    await tell(id, 'in-progress')
    await line.until(({ data }) => data.status === 'in-progress')
    expect(line.frames.slice(1).map(({ type }) => type)).toEqual([
      'call.created',
      'participant.joined',
      'call.status',
      'participant.joined',
      'call.status',
    ])
    expect(line.seqs).toEqual([1, 2, 3, 4, 5])
  })

  test('takes a hang-up, the same frame id once, and closes with 4410 after the end', async () => {
    const id = await start()
    const line = await join(id)
    await tell(id, 'in-progress')
    line.send('call.hangup', 'frame-1')
    line.send('call.hangup', 'frame-1')
    await eventually(() => {
      const acks = line.frames.filter(({ type }) => type === 'ack')
      expect(acks).toHaveLength(2)
      expect(acks[0]).toEqual(acks[1])
      expect(acks[0]?.data).toMatchObject({ id: 'frame-1', seq: expect.any(Number) })
    })
    await tell(id, 'completed')
    await eventually(() => expect(line.closedWith).toBe(4410))
    expect(line.frames.at(-1)?.data).toMatchObject({ status: 'completed', reason: 'hangup' })
  })

  test('brings what was missed to those who come after the end', async () => {
    const id = await start()
    await tell(id, 'busy')
    const line = await join(id, '?afterSeq=1')
    await eventually(() => expect(line.closedWith).toBe(4410))
    expect(line.seqs).toEqual([2])
  })

  test('answers frames that it cannot serve, and stays open', async () => {
    const line = await join(await start())
    line.send('call.hold', 'a')
    line.send('call.dance', 'b')
    line.send('call.hangup', 'c', { now: true })
    await eventually(() =>
      expect(
        line.frames.filter(({ type }) => type === 'error').map(({ data }) => [data.id, data.code]),
      ).toEqual([
        ['a', 'conflict'],
        ['b', 'invalid_request'],
        ['c', 'validation_failed'],
      ]),
    )
    expect(line.closedWith).toBeUndefined()
  })

  test('opens with an Authorization header where the client can set one', async () => {
    const id = await start()
    const authorization = `Bearer ${agent.token}`
    const offered = { 'sec-websocket-protocol': 'menagerie.v1', authorization }
    const response = await connect(`/calls/${id}/ws`, offered)
    expect(response.status).toBe(101)
    expect(response.headers.get('sec-websocket-protocol')).toBe('menagerie.v1')
    const bare = await connect(`/calls/${id}/ws`, { authorization })
    expect([bare.status, bare.headers.has('sec-websocket-protocol')]).toEqual([101, false])
    const stranger = await aUser('agent')
    const refused = await connect(`/calls/${id}/ws`, {
      ...offered,
      authorization: `Bearer ${stranger.token}`,
    })
    expect(refused.status).toBe(404)
  })

  test('is refused before the upgrade: no upgrade, no ticket, a used one, an unknown call', async () => {
    const id = await start()
    expect((await ask(agent, 'GET', `/calls/${id}/ws`)).status).toBe(426)
    const { body } = await ask(agent, 'POST', `/calls/${id}/ticket`)
    const offered = { 'sec-websocket-protocol': `menagerie.v1, ticket.${body.data.ticket}` }
    const elsewhere = await connect(`/calls/${crypto.randomUUID()}/ws`, offered)
    expect(elsewhere.status).toBe(401)
    expect((await connect(`/calls/${id}/ws`, offered)).status).toBe(101)
    expect((await connect(`/calls/${id}/ws`, offered)).status).toBe(401)
    expect(
      (await connect(`/calls/${id}/ws`, { 'sec-websocket-protocol': 'menagerie.v1' })).status,
    ).toBe(401)
    for (const bad of [{}, { 'sec-websocket-protocol': 'other' }]) {
      const answers = await Promise.all(
        [id, crypto.randomUUID()].map((call) => connect(`/calls/${call}/ws`, bad)),
      )
      expect(answers.map(({ status }) => status)).toEqual([400, 400])
    }
    // Nothing in a refusal tells whether the call exists.
    const told = await Promise.all(
      [id, crypto.randomUUID()].map(async (call) => {
        const wrong = { 'sec-websocket-protocol': 'menagerie.v1, ticket.unknown' }
        const response = await connect(`/calls/${call}/ws`, wrong)
        const {
          instance: _,
          requestId: __,
          ...problem
        } = (await response.json()) as object & {
          instance: string
          requestId: string
        }
        return {
          problem,
          headers: [...response.headers.keys()],
          says: response.headers.get('www-authenticate'),
        }
      }),
    )
    expect(told[0]).toEqual(told[1])
  })

  test('closes with 4401 when its session is revoked, and opens no other for it', async () => {
    const caller = await aUser('agent')
    const id = (await ask(caller, 'POST', '/calls/start', { to: '+12025550106' })).body.data.id
    const line = await join(id, '', caller)
    const sessions = testEnv.USER_SESSIONS.getByName(caller.id) as unknown as {
      end(sid: string): Promise<void>
    }
    await sessions.end(caller.sessionId)
    await testEnv.CALL_ROOM.getByName(id).closeSession(caller.sessionId)
    await eventually(() => expect(line.closedWith).toBe(4401))
    expect(line.frames.at(-1)?.type).toBe('session.revoked')
    const { body } = await ask(caller, 'POST', `/calls/${id}/ticket`)
    const offered = { 'sec-websocket-protocol': `menagerie.v1, ticket.${body.data.ticket}` }
    expect((await connect(`/calls/${id}/ws`, offered)).status).toBe(401)
  })
})

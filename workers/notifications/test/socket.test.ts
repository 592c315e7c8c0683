import { describe, expect, test } from 'vitest'
import { ask, aUser, type Caller, connect, eventually, testEnv } from './support/api.ts'

interface Frame {
  type: string
  seq?: number
  // biome-ignore lint/suspicious/noExplicitAny: tests read whatever a frame has
  data: any
}

/** A client's end of a socket: events one by one, whether they came in a batch or not. */
class Line {
  readonly frames: Frame[] = []
  closedWith: number | undefined
  readonly #socket: WebSocket

  constructor(socket: WebSocket) {
    this.#socket = socket
    socket.accept()
    socket.addEventListener('message', ({ data }) => {
      const frame = JSON.parse(String(data)) as Frame
      this.frames.push(...(frame.type === 'batch' ? frame.data.events : [frame]))
    })
    socket.addEventListener('close', ({ code }) => {
      this.closedWith = code
    })
  }

  send(type: string, id: string): void {
    this.#socket.send(JSON.stringify({ type, id, data: {} }))
  }

  until(of: (frame: Frame) => boolean): Promise<Frame> {
    return eventually(() => {
      const found = this.frames.find(of)
      if (found === undefined) throw new Error(`only ${JSON.stringify(this.frames)}`)
      return found
    })
  }
}

const ticketOf = async (caller: Caller): Promise<string> =>
  (await ask(caller, 'POST', '/notifications/ticket')).body.data.ticket
const offer = (ticket: string) => ({ 'sec-websocket-protocol': `menagerie.v1, ticket.${ticket}` })

async function join(caller: Caller, query = ''): Promise<Line> {
  const response = await connect(`/notifications/ws${query}`, offer(await ticketOf(caller)))
  expect(response.status).toBe(101)
  if (response.webSocket === null) throw new Error('no socket')
  return new Line(response.webSocket)
}

const notify = (caller: Caller, title: string) =>
  ask(caller, 'POST', '/notifications/create', {
    recipient: { userId: caller.id },
    channels: ['in-app'],
    category: 'news',
    content: { title, body: 'Body' },
  })

describe('the socket of a mailbox', () => {
  test('opens before anything was sent, then tells what comes', async () => {
    const caller = await aUser('user')
    const line = await join(caller)
    const welcome = await line.until(({ type }) => type === 'welcome')
    expect(welcome.data).toMatchObject({ seq: 0, snapshot: { items: [] } })
    const { id } = (await notify(caller, 'First')).body.data
    const created = await line.until(({ type }) => type === 'notification.created')
    expect(created).toMatchObject({ seq: 2, data: { id, title: 'First', category: 'news' } })
    const statuses = line.frames.filter(({ type }) => type === 'notification.status')
    expect(statuses.map(({ data }) => [data.previousStatus, data.status])).toEqual([
      [null, 'queued'],
      ['queued', 'sent'],
    ])
  })

  test('brings what was missed, in order, and shows the newest entries', async () => {
    const caller = await aUser('user')
    for (let i = 0; i < 7; i++) await notify(caller, `Number ${i}`)
    const line = await join(caller, '?afterSeq=0')
    await line.until(({ seq }) => seq === 21)
    expect(line.frames.slice(1).map(({ seq }) => seq)).toEqual(
      Array.from({ length: 21 }, (_, i) => i + 1),
    )
    const { items } = line.frames[0]?.data.snapshot ?? {}
    expect(items.map(({ title }: { title: string }) => title)).toEqual(
      [6, 5, 4, 3, 2].map((i) => `Number ${i}`),
    )
  })

  test('knows no frames of clients, and stays open', async () => {
    const line = await join(await aUser('user'))
    line.send('call.hangup', 'a')
    const error = await line.until(({ type }) => type === 'error')
    expect(error.data).toMatchObject({ id: 'a', code: 'invalid_request' })
    expect(line.closedWith).toBeUndefined()
  })

  test("takes reauth with a fresh ticket and refuses another user's", async () => {
    const [caller, other] = await Promise.all([aUser('user'), aUser('user')])
    const response = await connect('/notifications/ws', offer(await ticketOf(caller)))
    const socket = response.webSocket
    if (socket === null) throw new Error('no socket')
    const line = new Line(socket)
    const reauth = (id: string, ticket: string) =>
      socket.send(JSON.stringify({ type: 'reauth', id, data: { ticket } }))
    reauth('mine', await ticketOf(caller))
    await line.until(({ type, data }) => type === 'ack' && data.id === 'mine')
    reauth('theirs', await ticketOf(other))
    await line.until(({ type, data }) => type === 'error' && data.id === 'theirs')
  })

  test('opens with an Authorization header where the client can set one', async () => {
    const caller = await aUser('user')
    const authorization = `Bearer ${caller.token}`
    const response = await connect('/notifications/ws', { authorization })
    expect([response.status, response.headers.has('sec-websocket-protocol')]).toEqual([101, false])
  })

  test('is refused before the upgrade: no upgrade, no ticket, a used or a changed one', async () => {
    const [caller, other] = await Promise.all([aUser('user'), aUser('user')])
    expect((await ask(caller, 'GET', '/notifications/ws')).status).toBe(426)
    expect((await connect('/notifications/ws', {})).status).toBe(400)
    expect(
      (await connect('/notifications/ws', { 'sec-websocket-protocol': 'menagerie.v1' })).status,
    ).toBe(401)
    expect((await connect('/notifications/ws', offer('unknown'))).status).toBe(401)
    const ticket = await ticketOf(caller)
    // The address of another mailbox in front of this one's secret.
    const changed = (await ticketOf(other)).slice(0, 22) + ticket.slice(22)
    expect((await connect('/notifications/ws', offer(changed))).status).toBe(401)
    expect((await connect('/notifications/ws', offer(ticket))).status).toBe(101)
    expect((await connect('/notifications/ws', offer(ticket))).status).toBe(401)
  })

  test('closes with 4401 when its session is revoked, and opens no other for it', async () => {
    const caller = await aUser('user')
    const line = await join(caller)
    const sessions = testEnv.USER_SESSIONS.getByName(caller.id) as unknown as {
      end(sid: string): Promise<void>
    }
    await sessions.end(caller.sessionId)
    const mailbox = testEnv.MAILBOX.getByName(`user:${caller.id}`)
    expect(await mailbox.closeSession(caller.sessionId)).toBe(1)
    await eventually(() => expect(line.closedWith).toBe(4401))
    expect((await connect('/notifications/ws', offer(await ticketOf(caller)))).status).toBe(401)
  })
})

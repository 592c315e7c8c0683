import { env } from 'cloudflare:workers'
import type { Principal, Result } from '@menagerie/core'
import { vi } from 'vitest'
import type { JournalError, Replay } from '../../src/journal/index.ts'
import type { JournalRoom } from '../worker/journal-room.ts'

export type Room = DurableObjectStub<JournalRoom>

interface Frame {
  type: string
  seq?: number
  // Tests look into frames as they come.
  data: { [key: string]: unknown }
}

let rooms = 0

export const unopenedRoom = (): Room => env.JOURNAL_ROOM.getByName(crypto.randomUUID())

/** A room nobody else uses, with so many events. */
export async function openRoom(events = 0): Promise<Room> {
  const name = `room-${rooms++}`
  const room = unopenedRoom()
  await room.open(name)
  if (events > 0)
    await room.say(Array.from({ length: events }, (_, index) => ({ word: `word-${index + 1}` })))
  return room
}

export async function replay(
  room: Room,
  afterSeq: number,
  limit: number,
): Promise<Result<Replay, JournalError>> {
  return JSON.parse(await room.replay(afterSeq, limit)) as Result<Replay, JournalError>
}

export function principal(change: Partial<Principal> = {}): Principal {
  return {
    kind: 'user',
    id: 'ann',
    username: '+12025550101',
    sessionId: 'session-1',
    clientId: 'menagerie',
    roles: [],
    permissions: [],
    acr: '1',
    issuedAt: Date.now(),
    expiresAt: Date.now() + 10 * 86_400_000,
    ...change,
  }
}

export function upgradeRequest(
  query: string,
  protocols: string | undefined,
  headers: Record<string, string> = {},
): Request {
  return new Request(`http://room/ws${query}`, {
    headers: {
      upgrade: 'websocket',
      ...(protocols === undefined ? {} : { 'sec-websocket-protocol': protocols }),
      ...headers,
    },
  })
}

const clients: Client[] = []

/** After each test, so that workerd has no half-closed sockets to complain about. */
export async function closeClients(): Promise<void> {
  const open = clients.splice(0).filter((client) => client.closed === undefined)
  for (const client of open) client.socket.close(1000, 'done')
  await Promise.all(open.map((client) => client.untilClosed()))
}

/** A client as an app has it: it keeps every frame, and the events in them in order. */
export class Client {
  readonly frames: Frame[] = []
  readonly texts: string[] = []
  readonly socket: WebSocket
  closed: { code: number; reason: string } | undefined

  constructor(socket: WebSocket) {
    this.socket = socket
    socket.addEventListener('message', ({ data }) => {
      this.texts.push(String(data))
      if (data !== 'pong') this.frames.push(JSON.parse(String(data)) as Frame)
    })
    socket.addEventListener('close', ({ code, reason }) => {
      this.closed = { code, reason }
      socket.close()
    })
    socket.accept()
    clients.push(this)
  }

  /** Numbers of the events received, in order of arrival. */
  get seqs(): number[] {
    return this.frames.flatMap((frame) => {
      if (frame.type === 'batch')
        return (frame.data.events as Frame[]).map((event) => event.seq ?? 0)
      return frame.seq === undefined ? [] : [frame.seq]
    })
  }

  of(type: string): Frame[] {
    return this.frames.filter((frame) => frame.type === type)
  }

  send(frame: unknown): void {
    this.socket.send(JSON.stringify(frame))
  }

  until(condition: () => boolean, what: string): Promise<void> {
    return vi.waitFor(
      () => {
        if (!condition()) throw new Error(`still waiting: ${what}; got ${this.texts.join(' ')}`)
      },
      { timeout: 5_000, interval: 5 },
    )
  }

  async untilClosed(): Promise<{ code: number; reason: string }> {
    await this.until(() => this.closed !== undefined, 'the close')
    return this.closed ?? { code: 0, reason: '' }
  }
}

export async function connect(
  room: Room,
  query = '',
  who: Principal = principal(),
): Promise<Client> {
  const { ticket } = await room.ticket(who)
  const response = await room.fetch(upgradeRequest(query, `menagerie.v1, ticket.${ticket}`))
  if (response.webSocket === null)
    throw new Error(`refused: ${response.status} ${await response.text()}`)
  return new Client(response.webSocket)
}

/** 1 … n. */
export const upTo = (last: number, first = 1): number[] =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index)

import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { expect } from 'vitest'
import { ask, type Caller, connect, eventually, testEnv } from './api.ts'

export interface Frame {
  type: string
  seq?: number
  // biome-ignore lint/suspicious/noExplicitAny: tests read whatever members a frame has
  data: any
}

/** A device's socket and what came over it; `batch` frames unpacked. */
export class Line {
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

  get connectionId(): string {
    return this.frames[0]?.data.connectionId
  }

  send(type: string, id: string, data: object = {}): void {
    this.#socket.send(JSON.stringify({ type, id, data }))
  }

  /** What is sent as it is, sense or not. */
  raw(data: string | ArrayBuffer): void {
    this.#socket.send(data)
  }

  close(): void {
    this.#socket.close(1000)
  }

  until(type: string, matches: (data: Frame['data']) => boolean = () => true): Promise<Frame> {
    return eventually(() => {
      const found = this.frames.find((frame) => frame.type === type && matches(frame.data))
      if (found === undefined)
        throw new Error(`no ${type} yet: ${this.frames.map((one) => one.type).join(' ')}`)
      return found
    })
  }

  /** Sends a frame and waits for its `ack` or `error`. */
  async answered(type: string, id: string, data: object = {}): Promise<Frame> {
    this.send(type, id, data)
    return eventually(() => {
      const found = this.frames.find(
        (frame) => (frame.type === 'ack' || frame.type === 'error') && frame.data.id === id,
      )
      if (found === undefined) throw new Error(`no answer to ${type} yet`)
      return found
    })
  }
}

/** A device of the caller's in a call, welcomed. */
export async function enter(caller: Caller, callId: string, query = ''): Promise<Line> {
  const { body } = await ask(caller, 'POST', `/calls/${callId}/ticket`)
  const offered = `menagerie.v1, ticket.${body.data.ticket}`
  const response = await connect(`/calls/${callId}/ws${query}`, {
    'sec-websocket-protocol': offered,
  })
  expect(response.status).toBe(101)
  if (response.webSocket === null) throw new Error('no socket')
  const line = new Line(response.webSocket)
  await line.until('welcome')
  return line
}

/** A device of the caller's where calls ring. */
export async function atDesk(caller: Caller): Promise<Line> {
  const { body } = await ask(caller, 'POST', '/agents/me/ticket')
  const offered = `menagerie.v1, ticket.${body.data.ticket}`
  const response = await connect('/agents/me/ws', { 'sec-websocket-protocol': offered })
  if (response.webSocket === null) throw new Error(`no socket: ${response.status}`)
  const line = new Line(response.webSocket)
  await line.until('welcome')
  return line
}

/** Lets the call's timers of that name ring now. */
export async function ring(callId: string, name: string): Promise<void> {
  const room = testEnv.CALL_ROOM.getByName(callId)
  await runInDurableObject(room, (_object, { storage }) => {
    storage.sql.exec('UPDATE timers SET at = 0, retry_at = 0 WHERE name LIKE ?', `${name}%`)
  })
  // An alarm that is under way already may have looked at its timers before.
  await eventually(async () => {
    await runDurableObjectAlarm(room)
    if (await hasTimer(callId, name, 0)) throw new Error(`The timer ${name} has not fired`)
  })
}

/** Whether the call has such a timer; set to `at` where that is given, milliseconds since the epoch. */
export const hasTimer = (callId: string, name: string, at?: number): Promise<boolean> =>
  runInDurableObject(
    testEnv.CALL_ROOM.getByName(callId),
    (_object, { storage }) =>
      storage.sql
        .exec(
          'SELECT 1 FROM timers WHERE name LIKE ?1 AND at = coalesce(?2, at)',
          `${name}%`,
          at ?? null,
        )
        .toArray().length > 0,
  )

export const callOf = async (caller: Caller, callId: string) =>
  (await ask(caller, 'GET', `/calls/${callId}`)).body.data

/** Waits until the call is there. */
export const untilStatus = (caller: Caller, callId: string, status: string) =>
  eventually(async () => {
    const call = await callOf(caller, callId)
    expect(call.status).toBe(status)
    return call
  })

export const eventsOf = async (caller: Caller, callId: string): Promise<Frame[]> =>
  (await ask(caller, 'GET', `/calls/${callId}/events?limit=200`)).body.data

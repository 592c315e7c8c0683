import { DurableObject } from 'cloudflare:workers'
import type { JsonObject, Principal, Result } from '@menagerie/core'
import {
  type Applied,
  type ClientFrame,
  Journal,
  type JournalError,
  type JournalHead,
  type JournalProof,
  type Ticket,
  timerInput,
} from '../../src/journal/index.ts'

interface RoomState {
  said: number
  ended: boolean
}

type Answer = Result<Applied<number>, JournalError>

/** Outlives an object that leaves memory, as the world outside does. */
const outside = {
  clockOffsetMs: 0,
  bootId: 'boot-1',
  queueDown: false,
  delivered: [] as string[],
  closed: [] as string[],
  refused: new Set<string>(),
}

/** A room that counts what is said: the smallest object with everything a journal does. */
export class JournalRoom extends DurableObject {
  readonly #journal = new Journal<RoomState>(this.ctx, {
    kind: 'rooms',
    now: () => Date.now() + outside.clockOffsetMs,
    bootId: outside.bootId,
    destinations: {
      queue: {
        delivery: 'resend',
        batchSize: 100,
        send: async (rows) => {
          if (outside.queueDown) throw new Error('the queue is down')
          outside.delivered.push(...rows.map((row) => row.id))
        },
      },
    },
    schema: [(exec) => void exec('CREATE TABLE words (word TEXT NOT NULL)')],
    retention: { maxAgeMs: 86_400_000, maxEvents: 2_000 },
    sockets: {
      snapshot: (state, principal) => ({ said: state.said, for: principal.id }),
      ended: (state) => state.ended,
      admit: async ({ sessionId }) => {
        if (sessionId === 'away') throw new Error('the sessions cannot be asked')
        return !outside.refused.has(sessionId)
      },
      command: async (principal, frame) => this.#command(principal, frame),
      closed: (principal) => void outside.closed.push(principal.id),
    },
  })

  async open(name: string): Promise<Answer> {
    return this.#journal.create(
      name,
      { actor: 'test', source: 'service', id: 'open', body: null },
      () => ({ state: { said: 0, ended: false }, events: [], outcome: 0 }),
    )
  }

  async say(words: JsonObject[], id: string = crypto.randomUUID()): Promise<Answer> {
    return this.#say('test', id, words)
  }

  /** Many inputs in many turns of the object, as a busy webhook makes them. */
  async chatter(count: number): Promise<void> {
    for (let word = 0; word < count; word++) {
      this.#say('test', crypto.randomUUID(), [{ word }])
      await Promise.resolve()
    }
  }

  async tell(word: string): Promise<Answer> {
    return this.#journal.apply(
      { actor: 'test', source: 'service', id: crypto.randomUUID(), body: word },
      (state) => ({
        state: { ...state, said: state.said + 1 },
        events: [{ type: 'said', data: { word } }],
        outcome: state.said + 1,
        outbox: (events) =>
          events.map((event) => ({ id: event.id, destination: 'queue', body: { word } })),
      }),
    )
  }

  async ring(afterMs: number): Promise<Answer> {
    return this.#journal.apply(
      { actor: 'test', source: 'service', id: crypto.randomUUID(), body: afterMs },
      (state, now) => ({
        state,
        events: [],
        outcome: 0,
        timers: [{ type: 'timer.set', name: 'ring', at: now + afterMs }],
      }),
    )
  }

  async end(): Promise<Answer> {
    return this.#journal.apply(
      { actor: 'test', source: 'service', id: 'end', body: null },
      (state) => ({
        state: { ...state, ended: true },
        events: [{ type: 'ended', data: {} }],
        outcome: 0,
      }),
    )
  }

  async ticket(principal: Principal): Promise<Ticket> {
    return this.#journal.sockets.issueTicket(principal)
  }

  /** As JSON: the types of RPC do not end on a recursive type. */
  async replay(afterSeq: number, limit: number): Promise<string> {
    return JSON.stringify(this.#journal.replay(afterSeq, limit))
  }

  async proof(fromSeq: number, toSeq: number): Promise<Result<JournalProof, JournalError>> {
    return this.#journal.proof(fromSeq, toSeq)
  }

  async erase(word: string): Promise<number> {
    return this.#journal.erase((event) => event.data?.word === word)
  }

  async head(): Promise<JournalHead | undefined> {
    return this.#journal.head()
  }

  async ownName(): Promise<string> {
    return this.#journal.name
  }

  async socketCount(): Promise<number> {
    return this.#journal.sockets.count
  }

  async closeSession(sessionId: string): Promise<number> {
    return this.#journal.sockets.closeSession(sessionId)
  }

  /** More in one turn than a socket can have read. */
  async shout(count: number, word: string): Promise<void> {
    for (let frame = 0; frame < count; frame++)
      this.#journal.sockets.broadcast({ type: 'typing', data: { word } })
    this.#say('test', crypto.randomUUID(), [{ word: 'quiet' }])
  }

  async sendTo(connectionId: string, data: JsonObject): Promise<boolean> {
    return this.#journal.sockets.sendTo(connectionId, { type: 'signal.offer', data })
  }

  async closeAll(code: number, reason: string): Promise<string[]> {
    const holders = this.#journal.sockets.principals.map((principal) => principal.id)
    this.#journal.sockets.closeAll(code, reason)
    return holders
  }

  async broadcast(data: JsonObject): Promise<number> {
    return this.#journal.sockets.broadcast({ type: 'queue.stats', data })
  }

  /** The world outside: clock, start, queue, sessions. */
  async outside(change: {
    advanceMs?: number
    bootId?: string
    queueDown?: boolean
    refuseSession?: string
  }): Promise<{ delivered: string[]; closed: string[] }> {
    outside.clockOffsetMs += change.advanceMs ?? 0
    outside.bootId = change.bootId ?? outside.bootId
    outside.queueDown = change.queueDown ?? outside.queueDown
    if (change.refuseSession !== undefined) outside.refused.add(change.refuseSession)
    return { delivered: [...outside.delivered], closed: [...outside.closed] }
  }

  override async fetch(request: Request): Promise<Response> {
    return this.#journal.sockets.upgrade(request)
  }

  override async alarm(): Promise<void> {
    await this.#journal.alarm((timer) => {
      this.#journal.apply(timerInput(timer), (state) => ({
        state,
        events: [{ type: 'rang', data: { at: timer.at } }],
        outcome: null,
      }))
    })
  }

  override async webSocketMessage(ws: WebSocket, data: string | ArrayBuffer): Promise<void> {
    await this.#journal.sockets.message(ws, data)
  }

  override webSocketClose(ws: WebSocket, code: number, reason: string): void {
    this.#journal.sockets.close(ws, code, reason)
  }

  override webSocketError(ws: WebSocket, error: unknown): void {
    this.#journal.sockets.failed(ws, error)
  }

  #say(actor: string, id: string, words: JsonObject[]): Answer {
    return this.#journal.apply({ actor, source: 'socket', id, body: words }, (state) => ({
      state: { ...state, said: state.said + words.length },
      events: words.map((data) => ({ type: 'said', data })),
      outcome: state.said + words.length,
      save: () => {
        for (const _ of words) this.ctx.storage.sql.exec('INSERT INTO words VALUES (?)', actor)
      },
    }))
  }

  async #command(
    principal: Principal,
    frame: ClientFrame,
  ): Promise<{ type: 'ack'; seq: number } | { type: 'error'; code: string; detail: string }> {
    if (frame.type === 'explode') throw new Error('a bug')
    if (frame.type === 'trace')
      return { type: 'error', code: 'invalid_request', detail: frame.traceparent ?? 'none' }
    if (frame.type !== 'message.send')
      return { type: 'error', code: 'invalid_request', detail: 'Unknown type' }
    const said = this.#say(principal.id, frame.id ?? crypto.randomUUID(), [frame.data])
    if (!said.ok) return { type: 'error', code: said.error.code, detail: 'Not written' }
    return { type: 'ack', seq: said.value.lastSeq }
  }
}

import { closeCodes } from '@menagerie/contracts'
import { Coalescer, type Flushed } from './coalescer.ts'
import type { LiveConnection } from './connection.ts'
import type { Connections } from './connections.ts'
import { type EventFrame, eventFrames } from './frames.ts'
import type { SocketHost } from './host.ts'
import { startAt } from './resume.ts'

/** A socket that catches up gets more when less than this waits, and has 30 s or more (at 10 ms a flush) to get there. */
const CATCH_UP_BUFFERED_BYTES = 256 * 1024
const MAX_STALLS = 3_000
const PAGE_EVENTS = 500
const PAGE_BYTES = 512 * 1024

interface Page {
  frames: EventFrame[]
  lastSeq: number
}

/** How the journal stands at a flush. */
interface Standing {
  head: number
  base: number
  ended: boolean
  now: number
  /** By cursor. */
  pages: Map<number, Page>
}

/**
 * Brings every socket from its cursor, the number of the last event it was sent, to the head. Resuming, catching up
 * and living on are one thing, and nothing is lost when the object leaves memory between two flushes.
 */
export class EventFeed {
  readonly #connections: Connections
  readonly #host: SocketHost
  readonly #coalescer: Coalescer

  constructor(connections: Connections, host: SocketHost) {
    this.#connections = connections
    this.#host = host
    this.#coalescer = new Coalescer(
      () => this.#flush(),
      host.now,
      () => connections.keepMoved(),
    )
  }

  /** Something was committed: sockets get it within 10 ms, in a crowd within 50. */
  committed(): void {
    this.#coalescer.request()
  }

  /** `welcome` first, then what was missed; live events follow because they lie after the cursor too. */
  welcome(ws: WebSocket, connection: LiveConnection, afterSeq: number | undefined): void {
    const seq = this.#host.head()
    const { cursor, resumed } = startAt(afterSeq, this.#host.base(), seq)
    connection.cursor = cursor
    connection.catchingUp = true
    connection.stalls = 0
    this.#connections.save(ws, connection)
    const snapshot = this.#host.snapshot(connection.principal)
    this.#connections.send(ws, {
      type: 'welcome',
      data: { connectionId: connection.id, seq, snapshot, resumed },
    })
    this.#coalescer.request()
  }

  #flush(): Flushed {
    const flushed: Flushed = { deliveries: 0, more: false }
    if (!this.#host.exists()) return flushed
    const sockets = this.#connections.open()
    if (sockets.length === 0) return flushed
    const { head, base, ended, now } = this.#host
    // Read once for all sockets.
    const at = { head: head(), base: base(), ended: ended(), now: now(), pages: new Map() }
    for (const ws of sockets) {
      try {
        this.#pump(ws, at, flushed)
      } catch (error) {
        this.#host.observe({ type: 'fault', where: 'socket flush', error })
      }
    }
    return flushed
  }

  /** Sends one socket what lies between its cursor and the head, one page at most. */
  #pump(ws: WebSocket, { head, base, ended, now, pages }: Standing, flushed: Flushed): void {
    const connection = this.#connections.of(ws)
    if (connection.cursor < head) {
      if (connection.catchingUp && ws.bufferedAmount > CATCH_UP_BUFFERED_BYTES) {
        this.#stall(ws, connection, flushed)
        return
      }
      if (connection.cursor < base) {
        // Retention has overtaken it: a snapshot, and on from the head.
        this.welcome(ws, connection, connection.cursor)
        return
      }
      const page = pages.get(connection.cursor) ?? this.#page(connection.cursor)
      pages.set(connection.cursor, page)
      for (const frame of page.frames) this.#connections.sendText(ws, frame.text, now)
      flushed.deliveries += page.lastSeq - connection.cursor
      connection.cursor = page.lastSeq
      connection.stalls = 0
      this.#connections.moved(ws)
    }
    // More than a page is a catching up too: paced by what the client reads.
    connection.catchingUp = connection.cursor < head
    if (connection.catchingUp) flushed.more = true
    else if (ended) this.#connections.shut(ws, closeCodes.ended, 'ended')
  }

  #stall(ws: WebSocket, connection: LiveConnection, flushed: Flushed): void {
    connection.stalls += 1
    if (connection.stalls > MAX_STALLS)
      this.#connections.shut(ws, closeCodes.slowConsumer, 'slow consumer')
    else flushed.more = true
  }

  /** Serialised once for all sockets at the same cursor. */
  #page(cursor: number): Page {
    const frames: EventFrame[] = []
    let bytes = 0
    let lastSeq = cursor
    for (const frame of eventFrames(this.#host.events(cursor, PAGE_EVENTS))) {
      if (bytes > PAGE_BYTES) break
      frames.push(frame)
      bytes += frame.text.length
      lastSeq = frame.lastSeq
    }
    return { frames, lastSeq }
  }
}

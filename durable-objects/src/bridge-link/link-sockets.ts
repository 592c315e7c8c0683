import type { BridgeDownFrame } from '@menagerie/contracts'
import type { Logger } from '@menagerie/core'

/** Bridges ping every 5 s; one that is silent for so long loses the link to one that stands by. */
const SILENCE_MS = 15_000

/** A socket's attachment: all of it that must survive hibernation. */
export interface Connection {
  /** Of the link, which it was given with this number; 0 while it stands by. */
  generation: number
  /** Names the process. */
  instance: string
  /** Milliseconds since the epoch. */
  openedAt: number
  /** Place of the last message that was sent. */
  sentThrough: number
  /** When its token ends, milliseconds since the epoch. */
  expiresAt: number
}

/** Whether frames go in and out. */
export const isOpen = (ws: WebSocket): boolean => ws.readyState === 1

export const connectionOf = (ws: WebSocket): Connection => ws.deserializeAttachment() as Connection

/** The sockets of a link's bridges: one of them has the link, the others stand by. */
export class LinkSockets {
  readonly #ctx: DurableObjectState
  readonly #now: () => number
  readonly #logger: Logger
  /** When a frame last came, where it was no ping: those are answered, and remembered, without us. */
  readonly #heardAt = new WeakMap<WebSocket, number>()

  constructor(ctx: DurableObjectState, now: () => number, logger: Logger) {
    this.#ctx = ctx
    this.#now = now
    this.#logger = logger
  }

  open(): WebSocket[] {
    return this.#ctx.getWebSockets().filter(isOpen)
  }

  /** The socket of the bridge that has the link. */
  active(): WebSocket | undefined {
    return this.open().find((ws) => connectionOf(ws).generation > 0)
  }

  /** Those of bridges that stand by, the oldest first. */
  standby(): WebSocket[] {
    return this.open()
      .filter((ws) => connectionOf(ws).generation === 0)
      .sort((one, other) => connectionOf(one).openedAt - connectionOf(other).openedAt)
  }

  /** A new bridge stands by at first. */
  accept(ws: WebSocket, instance: string, expiresAt: number): void {
    this.#ctx.acceptWebSocket(ws)
    const openedAt = this.#now()
    const connection = { generation: 0, instance, openedAt, sentThrough: 0, expiresAt }
    ws.serializeAttachment(connection satisfies Connection)
  }

  change(ws: WebSocket, change: Partial<Connection>): void {
    ws.serializeAttachment({ ...connectionOf(ws), ...change } satisfies Connection)
  }

  heard(ws: WebSocket): void {
    this.#heardAt.set(ws, this.#now())
  }

  /** When a socket counts as silent, should nothing more come. */
  silentAt(ws: WebSocket): number {
    const pinged = this.#ctx.getWebSocketAutoResponseTimestamp(ws)?.getTime()
    const heard = [connectionOf(ws).openedAt, this.#heardAt.get(ws) ?? 0]
    // The platform's time, not ours.
    if (pinged !== undefined) heard.push(pinged + this.#now() - Date.now())
    return Math.max(...heard) + SILENCE_MS
  }

  /** When there is something to look at next: tokens that end, and silence that makes room for who stands by. */
  times(): number[] {
    const active = this.active()
    const ends = this.open().map((ws) => connectionOf(ws).expiresAt)
    return active === undefined || this.standby().length === 0
      ? ends
      : [...ends, this.silentAt(active)]
  }

  /** False when the socket has gone: the next one gets it. */
  send(ws: WebSocket, frame: BridgeDownFrame): boolean {
    try {
      ws.send(JSON.stringify(frame))
      return true
    } catch (error) {
      this.#logger.warn('fault', { object: 'BridgeLink', where: 'send', error })
      return false
    }
  }

  close(ws: WebSocket, code: number, reason: string): void {
    try {
      ws.close(code, reason)
    } catch (error) {
      this.#logger.warn('fault', { object: 'BridgeLink', where: 'close', error })
    }
  }
}

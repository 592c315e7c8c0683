import type { LinkQueue } from './link-queue.ts'
import { connectionOf, type LinkSockets } from './link-sockets.ts'

/** The same process is here with a newer socket, or another bridge has the link because this one was silent. */
const SUPERSEDED = 4409

export interface LinkLeaseOptions {
  sockets: LinkSockets
  /** Counts how often the link was given. */
  queue: Pick<LinkQueue, 'generation' | 'nextGeneration'>
  /** The link's name. */
  name: string
  now(): number
  /** A bridge has the link now, and was told so. */
  onGiven(generation: number): void
  /** The one that had it with this generation does not any more. */
  onTaken(generation: number): void
}

/**
 * Who has the link: one bridge at a time, by a generation that only grows. The others stand by, and the one that has
 * waited longest is given the link when the active one goes or falls silent.
 */
export class LinkLease {
  readonly #options: LinkLeaseOptions

  constructor(options: LinkLeaseOptions) {
    this.#options = options
  }

  /** A bridge comes: it is welcomed, and has the link where nobody else does. */
  join(
    ws: WebSocket,
    instance: string,
    expiresAt: number,
  ): { generation: number; active: boolean } {
    const { sockets, queue, name: link, onGiven } = this.#options
    // The same process has lost its older socket and knows it: its place is its own. One that is silent has lost it too.
    for (const older of sockets.open())
      if (connectionOf(older).instance === instance) this.end(older, SUPERSEDED, 'superseded')
    this.endSilent()
    sockets.accept(ws, instance, expiresAt)
    const active = sockets.active() === undefined
    const generation = active ? this.#give(ws) : queue.generation
    sockets.send(ws, { type: 'welcome', data: { link, generation, active } })
    if (active) onGiven(generation)
    return { generation, active }
  }

  /** Gives the link to the bridge that has stood by longest, where nobody has it. */
  promote(): void {
    const { sockets, onGiven } = this.#options
    while (sockets.active() === undefined) {
      const [heir] = sockets.standby()
      if (heir === undefined) return
      const generation = this.#give(heir)
      if (sockets.send(heir, { type: 'activated', data: { generation } })) onGiven(generation)
      else this.end(heir, 1011, 'cannot be reached')
    }
  }

  /** Takes the link from a bridge that has said nothing for too long. */
  endSilent(): void {
    const { sockets, now } = this.#options
    const ws = sockets.active()
    if (ws !== undefined && sockets.silentAt(ws) <= now()) this.end(ws, SUPERSEDED, 'silent')
  }

  /** Closes a bridge's socket; whoever has the link loses it with that. */
  end(ws: WebSocket, code: number, reason: string): void {
    const { generation } = connectionOf(ws)
    if (generation > 0) this.#options.onTaken(generation)
    this.#options.sockets.close(ws, code, reason)
  }

  #give(ws: WebSocket): number {
    const generation = this.#options.queue.nextGeneration()
    this.#options.sockets.change(ws, { generation })
    return generation
  }
}

import { Line, Logger } from '@menagerie/core'
import type { JournalObservation } from '../journal/types.ts'

/** Whose log it is. */
export interface LogOwner {
  /** The value of `service` in its lines. */
  service: string
  /** The object's class. */
  object: string
  /** The label of `websocket_connections`. */
  sockets: string
  /** Destinations of its outbox that are no queues. */
  ownDestinations: readonly string[]
}

/**
 * An object's log: one line for each RPC, frame or alarm that changed something, with the counters of contract §8 in it.
 * What the journal tells in between rides in the next line.
 */
export class ObjectLog {
  readonly #owner: LogOwner
  readonly #logger: Logger
  #line: Line

  constructor(owner: LogOwner, now: () => number) {
    this.#owner = owner
    this.#logger = new Logger({ service: owner.service, now })
    this.#line = new Line(this.#logger)
  }

  /** The line that is being gathered. */
  protected get line(): Line {
    return this.#line
  }

  observe(what: JournalObservation): void {
    switch (what.type) {
      case 'outbox':
        if (this.#owner.ownDestinations.includes(what.destination)) return
        this.#line.count(
          'queue_messages_total',
          { queue: what.destination, outcome: what.outcome },
          what.count,
        )
        return
      case 'socket':
        this.sockets(what.change)
        return
      case 'fault': {
        const { where, error } = what
        this.#logger.warn('fault', { object: this.#owner.object, where, error })
        return
      }
    }
  }

  /** Sockets came, or went. */
  sockets(change: number): void {
    this.#line.count('websocket_connections', { service: this.#owner.sockets }, change)
  }

  /** Writes the line, when there is something to tell. */
  end(
    message: string,
    changed: boolean,
    { traceparent, ...fields }: Record<string, unknown> & { traceparent?: string } = {},
  ): void {
    if (!changed && !this.#line.hasMetrics) return
    const line = this.#line
    this.#line = new Line(this.#logger)
    // The Worker's own line has the same `traceId`.
    const traceId = traceparent?.split('-')[1]
    line.end(message, {
      object: this.#owner.object,
      ...(traceId === undefined ? {} : { traceId }),
      ...fields,
    })
  }
}

import { Line, Logger } from '@menagerie/core'
import type { JournalObservation } from '../journal/index.ts'
import type { TwinContext } from './twin-types.ts'

/** Destinations that are no queues. */
const ownDestinations: ReadonlySet<string> = new Set(['projection', 'link'])

/**
 * The twin's log: one line for each RPC, frame or alarm that changed something, with the counters of contract §8. What
 * the journal tells in between rides in the next line.
 */
export class TwinLog {
  readonly #logger: Logger
  #line: Line

  constructor(now: () => number) {
    this.#logger = new Logger({ service: 'device_twin', now })
    this.#line = new Line(this.#logger)
  }

  observe(what: JournalObservation): void {
    switch (what.type) {
      case 'outbox':
        if (ownDestinations.has(what.destination)) return
        this.#line.count(
          'queue_messages_total',
          { queue: what.destination, outcome: what.outcome },
          what.count,
        )
        return
      case 'socket':
        this.sockets(what.change)
        return
      case 'fault':
        this.#logger.warn('fault', { object: 'DeviceTwin', where: what.where, error: what.error })
        return
    }
  }

  /** Sockets came, or went. */
  sockets(change: number): void {
    this.#line.count('websocket_connections', { service: 'devices' }, change)
  }

  /** Writes the line, when there is something to tell. */
  end(
    message: string,
    changed: boolean,
    { traceparent, ...fields }: Record<string, unknown> & TwinContext = {},
  ): void {
    if (!changed && !this.#line.hasMetrics) return
    const line = this.#line
    this.#line = new Line(this.#logger)
    // The Worker's own line has the same `traceId`.
    const traceId = traceparent?.split('-')[1]
    line.end(message, {
      object: 'DeviceTwin',
      ...(traceId === undefined ? {} : { traceId }),
      ...fields,
    })
  }
}

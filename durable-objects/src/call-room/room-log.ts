import { isTerminal } from '@menagerie/contracts'
import { Line, Logger } from '@menagerie/core'
import type { JournalObservation } from '../journal/index.ts'
import type { CallState } from './call-types.ts'
import { toRecord } from './call-view.ts'
import type { CallContext } from './room-types.ts'

/**
 * The room's log: one line for each RPC, frame or alarm that changed something, and the counters of contract §8 in it.
 * What the journal tells in between rides in the next line.
 */
export class RoomLog {
  readonly #logger: Logger
  #line: Line

  constructor(now: () => number) {
    this.#logger = new Logger({ service: 'communications', now })
    this.#line = new Line(this.#logger)
  }

  /** A step moved the call on. */
  moved(before: CallState, after: CallState): void {
    const { status } = after.phase
    this.#line.add({ callId: after.details.id, callStatus: status })
    if (before.phase.status === status || !isTerminal(status)) return
    const { direction } = after.details
    this.#line.count('calls_total', { direction, status })
    const { answeredAt, talkSeconds } = toRecord(after)
    if (answeredAt === null) return
    this.#line.count('call_minutes_total', { direction }, talkSeconds / 60)
    this.#line.count('call_duration_seconds', { direction }, talkSeconds)
  }

  observe(what: JournalObservation): void {
    switch (what.type) {
      case 'outbox':
        // The projection and the carrier are no queues.
        if (what.destination === 'projection' || what.destination === 'carrier') return
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
        this.#logger.warn('fault', { object: 'CallRoom', where: what.where, error: what.error })
        return
    }
  }

  /** Sockets came, or went. */
  sockets(change: number): void {
    this.#line.count('websocket_connections', { service: 'communications' }, change)
  }

  /** Writes the line, when there is something to tell. */
  end(
    message: string,
    changed: boolean,
    { traceparent, ...fields }: Record<string, unknown> & CallContext = {},
  ): void {
    if (!changed && !this.#line.hasMetrics) return
    const line = this.#line
    this.#line = new Line(this.#logger)
    // The Worker's own line has the same `traceId`.
    const traceId = traceparent?.split('-')[1]
    line.end(message, {
      object: 'CallRoom',
      ...(traceId === undefined ? {} : { traceId }),
      ...fields,
    })
  }
}

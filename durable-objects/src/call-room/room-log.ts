import { isTerminal } from '@menagerie/contracts'
import { ObjectLog } from '../shared/object-log.ts'
import type { CallState } from './call-types.ts'
import { toRecord } from './call-view.ts'

/** The room's log, and what it counts of calls. */
export class RoomLog extends ObjectLog {
  constructor(now: () => number) {
    const service = 'communications'
    const ownDestinations = ['projection', 'carrier', 'desk', 'contacts']
    super({ service, object: 'CallRoom', sockets: service, ownDestinations }, now)
  }

  /** A call that ended as it began. */
  began(state: CallState): void {
    const { status } = state.phase
    this.line.add({ callId: state.details.id, callStatus: status })
    if (isTerminal(status))
      this.line.count('calls_total', { direction: state.details.direction, status })
  }

  /** A step moved the call on. */
  moved(before: CallState, after: CallState): void {
    const { status } = after.phase
    this.line.add({ callId: after.details.id, callStatus: status })
    if (before.phase.status === status || !isTerminal(status)) return
    const { direction } = after.details
    this.line.count('calls_total', { direction, status })
    const { answeredAt, talkSeconds } = toRecord(after)
    if (answeredAt === null) return
    this.line.count('call_minutes_total', { direction }, talkSeconds / 60)
    this.line.count('call_duration_seconds', { direction }, talkSeconds)
  }
}

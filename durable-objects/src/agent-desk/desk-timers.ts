import { readServedQueues } from './desk-reads.ts'
import { find } from './desk-reservations.ts'
import type { DeskState, DeskTimerInput } from './desk-state-types.ts'
import { inTime } from './in-time.ts'

/** What is asked for a timer may take so long: the next one waits. */
const LIMIT_MS = 5_000

/** What a timer's meaning may depend on beside the state. */
export interface TimerHost {
  db: D1Database
  /** Whether a socket is open. */
  present: () => boolean
  /** Whether the room has the agent in its call. @throws where it cannot be asked */
  isJoined: (callId: string) => Promise<boolean>
}

/**
 * What a fired timer of that name means; reads what the rules need to know before anything is decided.
 *
 * @throws Error for a name that no step sets, and where something cannot be read now: the timer comes back
 */
export async function toTimerInput(
  name: string,
  state: DeskState,
  host: TimerHost,
): Promise<DeskTimerInput> {
  const [kind = '', id = ''] = name.split(':')
  switch (kind) {
    case 'reservation':
      return { type: 'timer.reservation', reservationId: id }
    case 'work':
      return { type: 'timer.work' }
    case 'away':
      return { type: 'timer.away', present: host.present() }
    case 'ring':
      return { type: 'timer.ring', callId: id }
    case 'unjoined': {
      const known = find(state, id)
      // Until the room has taken the acceptance, what it says of the agent is about before.
      const joined =
        known?.confirmed === true && known.holds
          ? await inTime(host.isJoined(known.callId), LIMIT_MS)
          : null
      return { type: 'timer.unjoined', reservationId: id, joined }
    }
    case 'queues':
      return {
        type: 'timer.queues',
        queueIds: await inTime(readServedQueues(host.db, state.profile), LIMIT_MS),
      }
  }
  throw new Error(`A desk has no timer "${name}"`)
}

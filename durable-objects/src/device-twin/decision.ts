import type { Decision, TimerChange } from '../journal/index.ts'
import type { DeviceState, Happening } from './device-state.ts'
import { messagesOf, type SendContext } from './twin-messages.ts'

/**
 * What happened in the journal's words: everything it leads to is saved together.
 *
 * @param send asked when the messages are made, inside the transaction
 * @param save writes to the twin's own tables
 * @param timers to be set or cancelled
 */
export const decisionOf = <T>(
  state: DeviceState,
  happenings: readonly Happening[],
  outcome: T,
  send: () => SendContext,
  save?: () => void,
  timers: readonly TimerChange[] = [],
): Decision<DeviceState, T> => ({
  state,
  events: happenings.map(({ type, data }) => ({ type, data })),
  outcome,
  outbox: (events) => messagesOf(state, happenings, events, send()),
  ...(save === undefined ? {} : { save }),
  timers,
})
